use mcp_telemetry_macros::trace_mcp_resource;

#[trace_mcp_resource]
enum Indexes {
    Main,
}

fn main() {}

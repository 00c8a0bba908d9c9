use mcp_telemetry_macros::trace_mcp_tool;

#[trace_mcp_tool]
const fn answer() -> u8 {
    42
}

fn main() {}

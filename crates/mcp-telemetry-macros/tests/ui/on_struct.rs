use mcp_telemetry_macros::trace_mcp_tool;

#[trace_mcp_tool("search")]
struct Search {
    query: String,
}

fn main() {}

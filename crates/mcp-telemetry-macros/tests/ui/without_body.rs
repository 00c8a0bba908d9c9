use mcp_telemetry_macros::trace_mcp_tool;

trait Tool {
    #[trace_mcp_tool]
    fn run(&self);
}

fn main() {}

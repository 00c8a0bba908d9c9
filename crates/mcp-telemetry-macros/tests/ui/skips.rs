use mcp_telemetry_macros::trace_mcp_tool;

struct Tools;

impl Tools {
    #[trace_mcp_tool(skip(self, query, qury, other))]
    fn unknown_arguments(&self, query: &str) -> usize {
        query.len()
    }

    #[trace_mcp_tool(skip(query, query))]
    fn the_same_twice(&self, query: &str) -> usize {
        query.len()
    }
}

fn main() {}

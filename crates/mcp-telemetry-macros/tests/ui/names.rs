use mcp_telemetry_macros::trace_mcp_tool;

#[trace_mcp_tool("")]
fn empty() {}

#[trace_mcp_tool(name = "  ")]
fn blank() {}

#[trace_mcp_tool("a", name = "b")]
fn twice() {}

#[trace_mcp_tool(name = search)]
fn not_a_string() {}

#[trace_mcp_tool(name)]
fn no_value() {}

#[trace_mcp_tool(42)]
fn number() {}

fn main() {}

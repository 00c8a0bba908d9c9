use mcp_telemetry_macros::{trace_mcp_tool, trace_splunk_operation};

#[trace_mcp_tool("search", level = "info")]
fn unknown() {}

#[trace_splunk_operation(skip(a), skip(b))]
fn skip_twice() {}

#[trace_splunk_operation(skip_all, skip_all)]
fn skip_all_twice() {}

#[trace_mcp_tool("search" skip(a))]
fn no_comma() {}

#[trace_mcp_tool(skip = "a")]
fn skip_with_value() {}

fn main() {}

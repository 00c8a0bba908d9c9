use mcp_telemetry_macros::{
    trace_mcp_prompt, trace_mcp_resource, trace_mcp_tool, trace_splunk_operation,
};

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

#[trace_mcp_resource(ret, "indexes", ret)]
fn ret_twice() {}

#[trace_mcp_prompt(ret(Debug))]
fn ret_with_value() {}

#[trace_mcp_prompt(skip(_a), skip_all)]
fn skip_and_skip_all(_a: u8) {}

#[trace_mcp_tool(ret)]
async fn ret_without_return() -> ! {
    std::process::exit(0)
}

#[trace_mcp_tool(ret)]
fn ret_without_return_blocking() -> ! {
    std::process::exit(0)
}

fn main() {}

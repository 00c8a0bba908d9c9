use std::pin::Pin;

use mcp_telemetry_macros::trace_mcp_tool;

async fn inner() -> u8 {
    42
}

#[trace_mcp_tool]
fn boxed() -> Pin<Box<dyn Future<Output = u8> + Send>> {
    let future = inner();
    Box::pin(future)
}

fn main() {}

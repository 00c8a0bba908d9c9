use mcp_telemetry_macros::trace_splunk_operation;

struct Splunk;

#[trace_splunk_operation]
impl Splunk {
    fn search(&self) {}
}

fn main() {}

use mcp_telemetry_macros::trace_mcp_prompt;

#[trace_mcp_prompt("triage", ret)]
trait Triage {
    fn ask(&self) -> String;
}

fn main() {}

//! Names and kinds of calls.

use super::*;

#[trace_mcp_tool]
async fn by_function() {}

#[trace_mcp_tool("short")]
async fn by_short_form() {}

#[trace_splunk_operation(name = "long")]
fn by_long_form() {}

#[trace_splunk_operation]
fn r#match() {}

#[trace_mcp_resource("splunk://indexes/{index}")]
async fn read_index(index: &str) -> usize {
    index.len()
}

#[trace_mcp_prompt(name = "triage", skip(alert))]
async fn triage(index: &str, alert: &str) -> String {
    format!("{index} {alert}")
}

#[test]
fn names_and_kinds() {
    ready(by_function());
    ready(by_short_form());
    by_long_form();
    r#match();
    ready(read_index("main"));
    ready(triage("main", "high load"));
    let calls = take_calls();
    assert_eq!(calls[4].arguments, [("index", "\"main\"".to_owned())]);
    assert_eq!(calls[5].arguments, [("index", "\"main\"".to_owned())]);
    let calls: Vec<_> = calls.iter().map(|call| (call.kind, call.name)).collect();
    assert_eq!(
        calls,
        [
            ("tool", "by_function"),
            ("tool", "short"),
            ("splunk", "long"),
            ("splunk", "match"),
            ("resource", "splunk://indexes/{index}"),
            ("prompt", "triage"),
        ]
    );
}

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

#[test]
fn names_and_kinds() {
    ready(by_function());
    ready(by_short_form());
    by_long_form();
    r#match();
    let calls: Vec<_> = take_calls()
        .iter()
        .map(|call| (call.kind, call.name))
        .collect();
    assert_eq!(
        calls,
        [
            ("tool", "by_function"),
            ("tool", "short"),
            ("splunk", "long"),
            ("splunk", "match")
        ]
    );
}

//! What `ret` records, and what of arguments and results the pipeline takes out.

use mcp_telemetry::{trace_mcp_prompt, trace_mcp_tool, trace_splunk_operation};
use serde_json::{Value as Json, json};

use crate::common::{Rig, assert_has, attribute, attributes};
use crate::server::{call, request};
use crate::{NO_PII, PII};

const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

async fn login(tool: &str, pii: (&str, &str)) -> crate::common::Spans {
    let query = format!("index=main | eval token=\"{TOKEN}\" | head 5");
    let arguments = json!({ "user": "me", "password": "hunter2", "query": query });
    let params = json!({ "name": tool, "arguments": arguments });
    request("tools/call", params, pii).await
}

#[tokio::test]
async fn secrets_in_arguments_and_results_leave_masked() {
    let spans = login("login", PII).await;
    let span = spans.one("mcp.tool.login");
    let argument = |name: &str| attribute(&span, &format!("mcp.request.argument.{name}"));
    assert_eq!(argument("user"), "\"me\"");
    // By its key alone: the value looks like any other.
    assert_eq!(argument("password"), "***REDACTED***");
    // By the text: the rest of the query stays.
    let query = argument("query").as_str().unwrap().to_owned();
    assert!(query.contains("index=main"), "{query}");
    assert!(query.contains("token="), "{query}");
    let content = attribute(&span, "mcp.tool.result.content");
    assert!(content.as_str().unwrap().contains("rows"), "{content}");
    // In no span, in no attribute, in no status.
    let all = format!("{spans:?}");
    for secret in ["hunter2", TOKEN, "eyJ"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[tokio::test]
async fn secrets_inside_one_argument_leave_masked() {
    let spans = login("login_whole", PII).await;
    let span = spans.one("mcp.tool.login_whole");
    let whole = attribute(&span, "mcp.request.argument.params");
    let whole = whole.as_str().unwrap();
    assert!(whole.contains("user: \"me\""), "{whole}");
    let all = format!("{spans:?}");
    for secret in ["hunter2", TOKEN] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

#[tokio::test]
async fn a_tools_result_has_its_content_and_its_keys() {
    let spans = login("login", PII).await;
    // `serde_json` sorts the keys of what the tool builds.
    let keys = attribute(&spans.one("mcp.tool.login"), "mcp.tool.result_keys");
    let mut keys: Vec<String> = serde_json::from_str(keys.as_str().unwrap()).unwrap();
    keys.sort();
    assert_eq!(keys, ["password", "rows", "user"]);

    let spans = call("rows", "", PII).await;
    let expected = json!({
        "mcp.tool.result_keys": "[\"results\",\"count\"]",
        "mcp.tool.result.content": "{\"results\":[\"a\"],\"count\":1}",
    });
    assert_has(&spans.one("mcp.tool.rows"), expected);
}

#[tokio::test]
async fn results_are_recorded_only_where_they_are_asked_for() {
    let spans = call("search", "index=main", PII).await;
    let expected = json!({ "mcp.tool.result_keys": null, "mcp.tool.result.content": null });
    assert_has(&spans.one("mcp.tool.search"), expected);
    let get = |name: &'static str| async move {
        let params = json!({ "name": name, "arguments": { "query": "why" } });
        let spans = request("prompts/get", params, PII).await;
        attribute(&spans.of_op("mcp.prompt"), "mcp.prompt.result.content")
    };
    assert_eq!(get("triage").await, Json::Null);
    let content = get("triage_below").await;
    assert!(content.as_str().unwrap().contains("\"why\""), "{content}");
}

#[trace_splunk_operation("search.rows", ret)]
fn rows(upto: u8) -> Result<Vec<u8>, String> {
    match upto {
        0 => Err("nothing".to_owned()),
        upto => Ok((0..upto).collect()),
    }
}

#[derive(Debug)]
struct Unserialized(#[expect(dead_code, reason = "shown by `Debug`")] u8);

#[trace_mcp_tool(ret)]
async fn debugged() -> Option<Unserialized> {
    Some(Unserialized(7))
}

#[trace_mcp_prompt(ret)]
async fn long() -> String {
    "x".repeat(100_000)
}

#[tokio::test]
async fn outside_of_requests_it_is_the_same() {
    let rig = Rig::new(&[PII]);
    rows(3).unwrap();
    rows(0).unwrap_err();
    debugged().await;
    long().await;
    let spans = rig.spans();
    let results: Vec<_> = spans
        .all("splunk/search.rows")
        .map(|span| attribute(span, "splunk.result"))
        .collect();
    assert_eq!(results, [json!("[0,1,2]"), Json::Null]);
    let expected = json!({
        "mcp.tool.result.content": "Some(Unserialized(7))",
        "mcp.tool.result_keys": null,
    });
    assert_has(&spans.one("mcp.tool.debugged"), expected);
    let long = attribute(&spans.one("mcp.prompt.long"), "mcp.prompt.result.content");
    assert_eq!(long.as_str().unwrap().len(), 8 * 1024);
}

#[tokio::test]
async fn results_need_leave() {
    let spans = login("login", NO_PII).await;
    for span in &spans.0 {
        let all = attributes(span).to_string();
        for key in ["result_keys", "result.content\"", "argument", "hunter2"] {
            assert!(!all.contains(key), "{key} in {all}");
        }
    }
    let rig = Rig::new(&[NO_PII]);
    rows(3).unwrap();
    let span = rig.spans().one("splunk/search.rows");
    assert_has(
        &span,
        json!({ "splunk.result": null, "splunk.status": "success" }),
    );
}

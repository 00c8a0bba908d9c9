//! Traced tools inside a request that `TracedHandler` observes.

use mcp_telemetry::opentelemetry::trace::Status;
use mcp_telemetry::{TracedHandler, trace_mcp_tool, trace_splunk_operation};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ErrorData, ServerHandler, schemars, tool, tool_handler, tool_router};
use serde_json::{Value as Json, json};

use crate::common::server::Connection;
use crate::common::{
    Rig, Spans, assert_attributes, assert_child, assert_has, attribute, attributes, failed,
};
use crate::{NO_PII, PII};

#[derive(Debug, rmcp::serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "rmcp::serde")]
struct Search {
    query: String,
}

struct Tools;

#[tool_router]
impl Tools {
    /// Attribute above.
    #[trace_mcp_tool]
    #[tool]
    async fn above(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, ErrorData> {
        mcp_telemetry::record("app.rows", 3_i64);
        answer(&query).await
    }

    #[tool(description = "Attribute below.")]
    #[trace_mcp_tool]
    async fn below(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, ErrorData> {
        mcp_telemetry::record("app.rows", 3_i64);
        answer(&query).await
    }

    /// Calls itself once more, as a tool may.
    #[trace_mcp_tool]
    #[tool]
    async fn twice(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, ErrorData> {
        if query == "again" {
            return answer(&query).await;
        }
        let query = "again".to_owned();
        Box::pin(self.twice(Parameters(Search { query }))).await
    }

    /// Not traced by a macro.
    #[tool]
    async fn untraced(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, ErrorData> {
        answer(&query).await
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("tools", "1"))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("Splunk does not know `{0}`")]
struct UnknownIndex(String);

#[trace_splunk_operation("search.oneshot")]
async fn oneshot(query: &str) -> Result<&str, UnknownIndex> {
    match query {
        "nope" => Err(UnknownIndex(query.to_owned())),
        query => Ok(query),
    }
}

async fn answer(query: &str) -> Result<CallToolResult, ErrorData> {
    match (query, oneshot(query).await) {
        ("panic", _) => panic!("on purpose"),
        ("broken", _) => Err(ErrorData::internal_error("the disk is full", None)),
        (_, Ok(found)) => Ok(CallToolResult::success(vec![ContentBlock::text(found)])),
        (_, Err(error)) => {
            let text = vec![ContentBlock::text(error.to_string())];
            Ok(CallToolResult::error(text))
        }
    }
}

async fn call(tool: &str, query: &str, pii: (&str, &str)) -> Spans {
    let rig = Rig::new(&[pii]);
    let connection = Connection::legacy(TracedHandler::new(Tools)).await;
    let params = json!({ "name": tool, "arguments": { "query": query } });
    match query {
        // rmcp answers nothing.
        "panic" => {
            let request = crate::common::server::request("tools/call", params);
            let options = rmcp::service::PeerRequestOptions::no_options();
            let sent = connection.client.send_cancellable_request(request, options);
            let _sent = sent.await.unwrap();
            rig.span(&format!("tools/call {tool}")).await;
        }
        _ => drop(connection.send("tools/call", params).await),
    }
    rig.spans()
}

#[tokio::test]
async fn the_tools_macro_adds_to_the_requests_execution_span() {
    for tool in ["above", "below"] {
        let spans = call(tool, "index=main", PII).await;
        let execution = spans.of_op("mcp.tool");
        assert_eq!(execution.name, format!("mcp.tool.{tool}"));
        assert_child(&execution, &spans.one(&format!("tools/call {tool}")));
        let expected = json!({
            "sentry.op": "mcp.tool",
            "sentry.origin": "auto.mcp.mcp_telemetry",
            "mcp.method.name": "tools/call",
            "mcp.request.id": "1",
            "jsonrpc.request.id": "1",
            "mcp.transport": "stdio",
            "network.transport": "pipe",
            "mcp.tool.name": tool,
            "mcp.tool.status": "success",
            "mcp.request.argument.query": "\"index=main\"",
            "app.rows": 3,
        });
        assert_attributes(&execution, expected);
        // The handshake's two, the request, its execution, the operation on Splunk.
        assert_eq!(spans.len(), 5, "{spans:?}");
    }
}

#[tokio::test]
async fn an_operation_on_splunk_is_below_and_knows_the_request() {
    for tool in ["above", "below", "untraced"] {
        let spans = call(tool, "index=main", PII).await;
        let operation = spans.one("splunk/search.oneshot");
        assert_child(&operation, &spans.of_op("mcp.tool"));
        let expected = json!({
            "sentry.op": "splunk.api",
            "sentry.origin": "auto.mcp.mcp_telemetry",
            "splunk.operation": "search.oneshot",
            "splunk.argument.query": "\"index=main\"",
            "splunk.status": "success",
            "splunk.duration": attribute(&operation, "splunk.duration"),
            "mcp.method.name": "tools/call",
            "mcp.request.id": "1",
            "jsonrpc.request.id": "1",
            "mcp.transport": "stdio",
            "network.transport": "pipe",
            "mcp.tool.name": tool,
        });
        assert_attributes(&operation, expected);
    }
}

#[tokio::test]
async fn a_second_call_of_the_same_tool_makes_its_own_span() {
    let spans = call("twice", "once", PII).await;
    let all: Vec<_> = spans.all("mcp.tool.twice").collect();
    let [inner, execution] = all.as_slice() else {
        panic!("{spans:?}");
    };
    assert_child(inner, execution);
    let argument = "mcp.request.argument.query";
    assert_has(inner, json!({ argument: "\"again\"" }));
    assert_has(execution, json!({ argument: "\"once\"" }));
}

#[tokio::test]
async fn a_tool_that_fails_says_so_on_all_spans() {
    let text = "Splunk does not know `nope`";
    // What the tool answers is an output; what Splunk says is an error's text.
    let with = call("above", "nope", PII).await;
    let without = call("above", "nope", NO_PII).await;
    let answered = "the tool answered with an error";
    for (spans, of_tool) in [(&with, text), (&without, answered)] {
        for (op, text) in [("mcp.tool", of_tool), ("splunk.api", text)] {
            assert_eq!(spans.of_op(op).status, failed(text), "{op}");
        }
        assert_eq!(spans.one("tools/call above").status, failed(of_tool));
    }
    let server = with.one("tools/call above");
    let execution = with.of_op("mcp.tool");
    let operation = with.one("splunk/search.oneshot");
    assert_has(&server, json!({ "error.type": "tool_error" }));
    let expected = json!({ "error.type": "tool_error", "mcp.tool.error_type": "tool_error" });
    assert_has(&execution, expected);
    let expected = json!({ "error.type": "UnknownIndex", "splunk.error_type": "UnknownIndex" });
    assert_has(&operation, expected);
}

#[tokio::test]
async fn the_macro_knows_the_kind_of_error_better_than_the_result() {
    for (tool, kind) in [("above", "ErrorData"), ("untraced", "-32603")] {
        let spans = call(tool, "broken", NO_PII).await;
        let server = spans.one(&format!("tools/call {tool}"));
        let execution = spans.of_op("mcp.tool");
        for span in [&server, &execution] {
            assert_eq!(span.status, failed("the disk is full"));
            assert_has(span, json!({ "mcp.tool.status": "error" }));
        }
        assert_has(&server, json!({ "error.type": "-32603" }));
        let expected = json!({ "error.type": kind, "mcp.tool.error_type": kind });
        assert_has(&execution, expected);
    }
}

#[tokio::test]
async fn a_panic_is_one_on_the_requests_spans() {
    let spans = call("above", "panic", NO_PII).await;
    for span in [spans.one("tools/call above"), spans.one("mcp.tool.above")] {
        assert_eq!(span.status, failed("the handler panicked"));
        assert_has(
            &span,
            json!({ "error.type": "panic", "mcp.tool.status": "error" }),
        );
    }
}

#[tokio::test]
async fn nothing_of_one_request_is_on_the_next() {
    let rig = Rig::new(&[PII]);
    let connection = Connection::legacy(TracedHandler::new(Tools)).await;
    for query in ["nope", "index=main"] {
        let params = json!({ "name": "above", "arguments": { "query": query } });
        connection.send("tools/call", params).await.unwrap();
    }
    let spans = rig.spans();
    let executions: Vec<Json> = spans
        .all("mcp.tool.above")
        .map(|it| attributes(it))
        .collect();
    assert_eq!(executions.len(), 2);
    assert_eq!(executions[0]["error.type"], "tool_error");
    assert_eq!(executions[1]["error.type"], Json::Null);
    assert_eq!(executions[0]["mcp.request.argument.query"], "\"nope\"");
    assert_eq!(
        executions[1]["mcp.request.argument.query"],
        "\"index=main\""
    );
    let last = spans.all("mcp.tool.above").last().unwrap();
    assert_eq!(last.status, Status::Unset);
}

//! What an error code means in each version of the protocol.

use mcp_telemetry::opentelemetry::trace::Status;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorCode, GetPromptRequestParams, GetPromptResponse,
    ListSkillsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value as Json, json};

use crate::common::expected::NO_PII;
use crate::common::raw::{LEGACY, MODERN, Wrapper, code};
use crate::common::{Rig, Spans, assert_has, failed};

const VERSIONS: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", LEGACY, MODERN];

/// Every code that the specification or JSON-RPC names, and some that nobody does; whether
/// it is a server's error before 2026-07-28, and since.
const CODES: [(i32, bool, bool); 14] = [
    (-32_700, false, false),
    (-32_600, false, false),
    (-32_601, false, false),
    (-32_602, false, false),
    (-32_603, true, true),
    // "Resource not found": since 2026-07-28 that is -32602.
    (-32_002, false, true),
    (-32_020, true, false),
    (-32_021, true, false),
    (-32_022, true, false),
    (-32_000, true, true),
    (-32_042, true, true),
    (-1, true, true),
    (0, true, true),
    (7, true, true),
];

/// The code that a tool is named by, or a prompt, or a resource.
#[derive(Clone)]
struct Codes;

fn error(code: &str) -> ErrorData {
    ErrorData::new(ErrorCode(code.parse().unwrap()), "as asked", None)
}

impl ServerHandler for Codes {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_resources()
            .enable_skills();
        ServerConfig::new(capabilities.build())
    }

    async fn list_skills(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        Err(error("-32002"))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Err(error(&request.name))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Err(error(&request.name))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Err(error(&request.uri))
    }
}

fn assert_error(spans: &Spans, names: [&str; 2], sent: &str, errs: bool, version: &str) {
    let [request, execution] = names.map(|name| spans.one(name));
    let (status, kind) = match errs {
        true => (failed("as asked"), json!(sent)),
        false => (Status::Unset, Json::Null),
    };
    for span in [&request, &execution] {
        assert_eq!(span.status, status, "{sent} in {version}: {}", span.name);
        assert_has(span, json!({ "error.type": kind }));
    }
    let expected = json!({
        "mcp.protocol.version": version,
        "rpc.response.status_code": sent,
        "mcp.status": "error",
        "mcp.result.type": null,
    });
    assert_has(&request, expected);
    // The code is of the response: the execution has none.
    assert_has(&execution, json!({ "rpc.response.status_code": null }));
}

#[tokio::test]
async fn each_code_in_each_version() {
    for wrapper in Wrapper::BOTH {
        for version in VERSIONS {
            for (returned, before, since) in CODES {
                let rig = Rig::new(&[NO_PII]);
                let mut raw = wrapper.serve(Codes).open(version).await;
                let answer = raw.call(&returned.to_string()).await;
                let errs = if version == MODERN { since } else { before };
                // What the span says is what went over the wire.
                assert_eq!(code(&answer), i64::from(returned), "{wrapper:?} {version}");
                let spans = rig.spans();
                let names = ["tools/call _OTHER", "mcp.tool._OTHER"];
                assert_error(&spans, names, &returned.to_string(), errs, version);
                let kind = if errs {
                    json!(returned.to_string())
                } else {
                    Json::Null
                };
                let expected = json!({ "mcp.tool.status": "error", "mcp.tool.error_type": kind });
                assert_has(&spans.one(names[1]), expected);
            }
        }
    }
}

/// What is no tool's: rmcp sends the newer code in place of the older one.
#[tokio::test]
async fn what_is_not_there_in_each_version() {
    let cases = [
        (
            "resources/read",
            json!({ "uri": "-32002" }),
            ["resources/read", "mcp.resource"],
        ),
        (
            "prompts/get",
            json!({ "name": "-32002" }),
            ["prompts/get _OTHER", "mcp.prompt._OTHER"],
        ),
    ];
    for wrapper in Wrapper::BOTH {
        for version in VERSIONS {
            for (method, params, names) in cases.clone() {
                let rig = Rig::new(&[NO_PII]);
                let mut raw = wrapper.serve(Codes).open(version).await;
                let answer = raw.ask(method, params).await;
                let sent = match version {
                    MODERN => "-32602",
                    _ => "-32002",
                };
                assert_eq!(code(&answer).to_string(), sent, "{wrapper:?} {version}");
                assert_error(&rig.spans(), names, sent, false, version);
            }
        }
    }
}

/// Tools are not alone: rmcp sends the codes of skills as they are, too.
#[tokio::test]
async fn a_code_that_rmcp_passes_on() {
    for wrapper in Wrapper::BOTH {
        for (version, errs) in [(LEGACY, false), (MODERN, true)] {
            let rig = Rig::new(&[NO_PII]);
            let mut raw = wrapper.serve(Codes).open(version).await;
            let answer = raw.ask("skills/list", json!({})).await;
            assert_eq!(code(&answer), -32_002, "{wrapper:?} {version}");
            let span = rig.spans().one("skills/list");
            let (status, kind) = match errs {
                true => (failed("as asked"), json!("-32002")),
                false => (Status::Unset, Json::Null),
            };
            assert_eq!(span.status, status, "{wrapper:?} {version}");
            let expected = json!({ "rpc.response.status_code": "-32002", "error.type": kind });
            assert_has(&span, expected);
        }
    }
}

/// A version that nobody knows: earlier or later than all others, it is the client's fault.
#[tokio::test]
async fn a_version_that_the_server_does_not_know() {
    for version in ["1999-01-01", "2099-01-01", "latest"] {
        let rig = Rig::new(&[NO_PII]);
        let mut raw = Wrapper::Service.serve(Codes).open(MODERN).await;
        // The first request opens the connection.
        raw.call("0").await;
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": version });
        let params = json!({ "_meta": meta });
        let answer = raw.ask("tools/list", params).await;
        assert_eq!(code(&answer), -32_022);
        let span = rig.spans().one("tools/list");
        assert_eq!(span.status, Status::Unset, "{version}");
        let expected = json!({
            "mcp.protocol.version": version,
            "rpc.response.status_code": "-32022",
            "error.type": null,
            "mcp.status": "error",
        });
        assert_has(&span, expected);
    }
}

//! A client with spans of its own, and what it sends and is asked.

use mcp_telemetry::{PeerExt as _, TracedClientService, TracedHandler};
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, CreateMessageRequestParams,
    CreateMessageResult, ElicitRequestParams, ElicitResult, ElicitationAction,
    GetPromptRequestParams, Implementation, ListRootsResult, ReadResourceRequestParams, Root,
    SamplingMessage,
};
use rmcp::service::{RequestContext, RunningService};
use rmcp::{ClientHandler, ErrorData, RoleClient, ServiceExt as _};
use serde_json::{Value, json};

use crate::parrot::Parrot;
use crate::place::Arrives::{Both, Nowhere};
use crate::place::{Form, Place};
use crate::world::{Said, percent};

pub(crate) const PLACES: &[Place] = &[
    Place::sent("client: tool argument", Both, |world, it| {
        Box::pin(world.pair.call("does", json!({ "note": it.text })))
    })
    .gated(),
    Place::sent("client: prompt argument", Both, |world, it| {
        Box::pin(world.pair.prompt("takes", json!({ "note": it.text })))
    })
    .gated(),
    Place::sent("client: resource URI", Both, |world, it| {
        let uri = format!("parrot://a?note={}", percent(&it.text));
        Box::pin(world.pair.read(uri))
    })
    .gated()
    .form(Form::InUrl),
    Place::sent("client: tool result", Both, |world, _| {
        Box::pin(world.pair.call("says", json!({})))
    })
    .gated(),
    Place::sent("client: tool failure", Both, |world, _| {
        Box::pin(world.pair.call("fails", json!({})))
    })
    .gated(),
    Place::sent("client: error", Both, |world, _| {
        Box::pin(world.pair.call("breaks", json!({})))
    }),
    Place::sent("client: elicitation", Nowhere, |world, _| {
        Box::pin(world.pair.call("asks a user", json!({})))
    }),
    Place::sent("client: sampling", Nowhere, |world, _| {
        Box::pin(world.pair.call("asks a model", json!({})))
    }),
    Place::sent("client: roots", Nowhere, |world, _| {
        Box::pin(world.pair.call("asks for roots", json!({})))
    }),
    Place::sent("client: progress", Both, |world, _| {
        Box::pin(world.pair.call("tells progress", json!({})))
    }),
    Place::sent("client: log", Both, |world, _| {
        Box::pin(world.pair.call("tells logs", json!({})))
    }),
    Place::sent("client: updated resource", Both, |world, _| {
        Box::pin(world.pair.call("tells updates", json!({})))
    })
    .form(Form::InUrl),
    Place::sent("client: cancellation", Both, |world, _| {
        Box::pin(world.pair.call("tells of cancellation", json!({})))
    })
    .gated(),
];

/// Answers what it is asked with what it is told to say.
#[derive(Clone, Debug)]
pub(crate) struct Person(Said);

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder()
            .enable_sampling()
            .enable_roots()
            .enable_elicitation()
            .build();
        ClientConfig::new(capabilities, Implementation::new("person", "1"))
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let message = SamplingMessage::assistant_text(self.0.text());
        Ok(CreateMessageResult::new(message, "a-model".to_owned()))
    }

    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        let uri = format!("file:///{}", percent(&self.0.text()));
        Ok(ListRootsResult::new(vec![Root::new(uri)]))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let answer = ElicitResult::new(ElicitationAction::Accept);
        Ok(answer.with_content(json!({ "answer": self.0.text() })))
    }
}

/// A client and its server.
pub(crate) struct Pair(RunningService<RoleClient, TracedClientService<Person>>);

impl Pair {
    pub(crate) async fn open(parrot: Parrot, said: &Said) -> Self {
        let (server, client) = tokio::io::duplex(256 * 1024);
        tokio::spawn(async move {
            if let Ok(running) = TracedHandler::new(parrot).serve(server).await {
                let _ = running.waiting().await;
            }
        });
        let service = TracedClientService::new(Person(said.clone()));
        Self(service.serve(client).await.unwrap())
    }

    // An answer may be an error: it is a place too.
    async fn call(&self, tool: &'static str, arguments: Value) {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let call = CallToolRequestParams::new(tool).with_arguments(arguments);
        drop(self.0.traced().call_tool(call).await);
    }

    async fn prompt(&self, prompt: &'static str, arguments: Value) {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        let prompt = GetPromptRequestParams::new(prompt).with_arguments(arguments);
        drop(self.0.traced().get_prompt(prompt).await);
    }

    async fn read(&self, uri: String) {
        let resource = ReadResourceRequestParams::new(uri);
        drop(self.0.traced().read_resource(resource).await);
    }

    pub(crate) async fn close(self) {
        self.0.cancel().await.unwrap();
    }
}

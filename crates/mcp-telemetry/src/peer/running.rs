//! A client whose service runs, with the calls that answer a server's questions on the way.

use std::ops::Deref;

use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, GetPromptRequestParams, GetPromptResult,
    ReadResourceRequestParams, ReadResourceResult,
};
use rmcp::service::{RunningService, Service, ServiceError};

use super::client::start;
use super::{McpTransport, PeerExt, TracedPeer};

impl<S: Service<RoleClient>> PeerExt for RunningService<RoleClient, S> {
    type Traced<'a> = TracedClient<'a, S>;

    fn traced(&self) -> TracedClient<'_, S> {
        TracedClient {
            running: self,
            peer: self.peer().traced(),
        }
    }
}

/// A client's `RunningService` whose messages are spans.
///
/// It has what [`TracedPeer`] has. The three calls which it has itself go on for several rounds
/// where the server asks for input (protocol 2026-07-28): rmcp has the client's own handler
/// answer and sends the request again. One span covers all rounds, and the handler runs inside
/// it; each round is a request of its own to the server, whose spans are its children.
///
/// ```
/// use mcp_telemetry::PeerExt as _;
/// use rmcp::model::{CallToolRequestParams, CallToolResult};
/// use rmcp::service::{RoleClient, RunningService, ServiceError};
///
/// async fn search(
///     client: &RunningService<RoleClient, ()>,
/// ) -> Result<CallToolResult, ServiceError> {
///     let tools = client.traced().list_all_tools().await?;
///     let call = CallToolRequestParams::new(tools[0].name.clone());
///     client.traced().call_tool(call).await
/// }
/// ```
#[derive(Debug)]
pub struct TracedClient<'a, S: Service<RoleClient>> {
    running: &'a RunningService<RoleClient, S>,
    peer: TracedPeer<'a, RoleClient>,
}

impl<S: Service<RoleClient>> Clone for TracedClient<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Service<RoleClient>> Copy for TracedClient<'_, S> {}

impl<'a, S: Service<RoleClient>> Deref for TracedClient<'a, S> {
    type Target = TracedPeer<'a, RoleClient>;

    fn deref(&self) -> &Self::Target {
        &self.peer
    }
}

macro_rules! rounds {
    ($($name:ident and $bounded:ident($params:ty) -> $result:ty = $method:literal;)*) => {
        $(
            #[doc = concat!("Sends `", $method, "` until it is answered: `RunningService::", stringify!($name), "` as a span.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of `RunningService::", stringify!($name), "`.")]
            pub async fn $name(self, mut params: $params) -> Result<$result, ServiceError> {
                let sending = start(&self.peer, $method, &mut params);
                sending.observe(self.running.$name(params)).await
            }

            #[doc = concat!("As [`", stringify!($name), "`](Self::", stringify!($name), "), for so many rounds.")]
            ///
            /// # Errors
            ///
            /// The same.
            pub async fn $bounded(
                self,
                mut params: $params,
                max_rounds: usize,
            ) -> Result<$result, ServiceError> {
                let sending = start(&self.peer, $method, &mut params);
                let call = self.running.$bounded(params, max_rounds);
                sending.observe(call).await
            }
        )*
    };
}

impl<S: Service<RoleClient>> TracedClient<'_, S> {
    /// Says over which transport the server is reached, as
    /// [`TracedPeer::with_transport`] does.
    #[must_use]
    pub fn with_transport(mut self, transport: McpTransport) -> Self {
        self.peer = self.peer.with_transport(transport);
        self
    }

    rounds! {
        call_tool and call_tool_with_mrtr_max_rounds(CallToolRequestParams) -> CallToolResult
            = "tools/call";
        get_prompt and get_prompt_with_mrtr_max_rounds(GetPromptRequestParams) -> GetPromptResult
            = "prompts/get";
        read_resource and read_resource_with_mrtr_max_rounds(ReadResourceRequestParams)
            -> ReadResourceResult = "resources/read";
    }
}

//! Subscriptions to changes of the lists (SEP-2575), and tools that make one.

use rmcp::model::{CallToolResult, ContentBlock};
use rmcp::service::SubscriptionContext;
use rmcp::{ErrorData, tool, tool_router};
use tokio::sync::broadcast::{Receiver, Sender, channel};

use crate::server::ConformanceServer;

/// A list that may change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Tools,
    Prompts,
}

/// Tells all who listen what has changed.
#[derive(Clone, Debug)]
pub(crate) struct Changes(Sender<List>);

impl Changes {
    pub(crate) fn new() -> Self {
        Self(channel(16).0)
    }

    fn happened(&self, list: List) -> CallToolResult {
        // Nobody need listen.
        let listeners = self.0.send(list).unwrap_or(0);
        let text = format!("{list:?} changed; told {listeners} listeners");
        CallToolResult::success(vec![ContentBlock::text(text)])
    }

    /// Tells a client until it leaves. What it did not ask for, rmcp leaves out.
    pub(crate) async fn tell(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.0.subscribe();
        loop {
            let list = tokio::select! {
                () = subscription.cancelled() => return Ok(()),
                list = next(&mut changes) => list,
            };
            let asked = subscription.accepted();
            let sink = subscription.sink();
            let told = match list {
                Some(List::Tools) if asked.tools_list_changed == Some(true) => {
                    sink.notify_tool_list_changed().await
                }
                Some(List::Prompts) if asked.prompts_list_changed == Some(true) => {
                    sink.notify_prompt_list_changed().await
                }
                Some(_) => Ok(()),
                None => return Ok(()),
            };
            told.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        }
    }
}

/// The next change; none once there will be no more. Those missed by a slow client are gone.
async fn next(changes: &mut Receiver<List>) -> Option<List> {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match changes.recv().await {
            Ok(list) => return Some(list),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

#[tool_router(router = change_tools, vis = "pub(crate)")]
impl ConformanceServer {
    /// Says that the list of tools has changed.
    #[tool]
    async fn test_trigger_tool_change(&self) -> CallToolResult {
        self.changes.happened(List::Tools)
    }

    /// Says that the list of prompts has changed.
    #[tool]
    async fn test_trigger_prompt_change(&self) -> CallToolResult {
        self.changes.happened(List::Prompts)
    }
}

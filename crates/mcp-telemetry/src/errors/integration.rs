//! Every event that the SDK captures passes here.

use sentry::protocol::Event;
use sentry::{ClientOptions, Integration};

use super::watch::Watch;

/// Puts the MCP context on every event of a request, whoever captured it, and lets the request
/// know of it.
#[derive(Debug)]
pub(crate) struct McpErrors;

impl McpErrors {
    /// Whether the current client is one of ours.
    pub(super) fn are_captured() -> bool {
        sentry::with_integration(|_: &Self, _| true)
    }
}

impl Integration for McpErrors {
    fn name(&self) -> &'static str {
        "mcp_errors"
    }

    fn process_event(
        &self,
        mut event: Event<'static>,
        _: &ClientOptions,
    ) -> Option<Event<'static>> {
        let watch = Watch::current();
        watch.complete(&mut event);
        watch.note(&event);
        Some(event)
    }
}

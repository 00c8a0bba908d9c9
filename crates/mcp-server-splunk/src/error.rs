//! What a tool answers when it fails.

use rmcp::model::{ContentBlock, IntoContents};
use splunk_client::SplunkError;

/// Why a tool failed. Its text is the tool's answer, with `isError`, so that the model
/// reads the cause and the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// Splunk, or the way to it.
    #[error(transparent)]
    Splunk(#[from] SplunkError),
    /// The server was started with settings that name no Splunk.
    #[error("this server is not connected to Splunk: {0}")]
    NotConfigured(String),
}

impl IntoContents for ToolError {
    fn into_contents(self) -> Vec<ContentBlock> {
        vec![ContentBlock::text(self.to_string())]
    }
}

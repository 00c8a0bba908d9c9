//! The prompts: a text, one with arguments, one with a resource, one with an image.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ContentBlock, PromptMessage, ResourceContents, Role};
use rmcp::{prompt, prompt_router, schemars};
use serde::Deserialize;

use crate::content::PNG;
use crate::server::ConformanceServer;

/// What `test_prompt_with_arguments` takes.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(crate) struct TwoArguments {
    /// First test argument.
    arg1: String,
    /// Second test argument.
    arg2: String,
}

/// What `test_prompt_with_embedded_resource` takes.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResourceUri {
    /// URI of the resource to embed.
    resource_uri: String,
}

#[prompt_router(router = "prompts", vis = "pub(crate)")]
impl ConformanceServer {
    /// A text.
    #[prompt]
    async fn test_simple_prompt(&self) -> Vec<PromptMessage> {
        vec![user("This is a simple prompt for testing.")]
    }

    /// A text with two arguments in it.
    #[prompt]
    async fn test_prompt_with_arguments(
        &self,
        Parameters(TwoArguments { arg1, arg2 }): Parameters<TwoArguments>,
    ) -> Vec<PromptMessage> {
        let text = format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'");
        vec![user(text)]
    }

    /// A resource, and what to do with it.
    #[prompt]
    async fn test_prompt_with_embedded_resource(
        &self,
        Parameters(ResourceUri { resource_uri }): Parameters<ResourceUri>,
    ) -> Vec<PromptMessage> {
        let text = "Embedded resource content for testing.";
        let resource = ResourceContents::text(text, resource_uri).with_mime_type("text/plain");
        vec![
            PromptMessage::new(Role::User, ContentBlock::resource(resource)),
            user("Please process the embedded resource above."),
        ]
    }

    /// An image, and what to do with it.
    #[prompt]
    async fn test_prompt_with_image(&self) -> Vec<PromptMessage> {
        vec![
            PromptMessage::new(Role::User, ContentBlock::image(PNG, "image/png")),
            user("Please analyze the image above."),
        ]
    }
}

fn user(text: impl Into<String>) -> PromptMessage {
    PromptMessage::new_text(Role::User, text)
}

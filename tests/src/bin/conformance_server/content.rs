//! Tools that answer at once: each kind of content, an error, and a schema to be kept.

use std::sync::Arc;

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, ResourceContents};
use rmcp::{object, tool, tool_router};

use crate::server::ConformanceServer;

/// A PNG of one red pixel, in base64.
pub(crate) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/// A WAV without a sample, in base64.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

#[tool_router(router = content_tools, vis = "pub(crate)")]
impl ConformanceServer {
    /// Answers with a text.
    #[tool]
    async fn test_simple_text(&self) -> CallToolResult {
        let text = "This is a simple text response for testing.";
        CallToolResult::success(vec![ContentBlock::text(text)])
    }

    /// Answers with an image.
    #[tool]
    async fn test_image_content(&self) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::image(PNG, "image/png")])
    }

    /// Answers with a sound.
    #[tool]
    async fn test_audio_content(&self) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::audio(WAV, "audio/wav")])
    }

    /// Answers with a resource.
    #[tool]
    async fn test_embedded_resource(&self) -> CallToolResult {
        let text = "This is an embedded resource content.";
        let resource = ResourceContents::text(text, "test://embedded-resource");
        let resource = ContentBlock::resource(resource.with_mime_type("text/plain"));
        CallToolResult::success(vec![resource])
    }

    /// Answers with a text, an image and a resource.
    #[tool]
    async fn test_multiple_content_types(&self) -> CallToolResult {
        let data = r#"{"test":"data","value":123}"#;
        let resource = ResourceContents::text(data, "test://mixed-content-resource");
        CallToolResult::success(vec![
            ContentBlock::text("Multiple content types test:"),
            ContentBlock::image(PNG, "image/png"),
            ContentBlock::resource(resource.with_mime_type("application/json")),
        ])
    }

    /// Fails.
    #[tool]
    async fn test_error_handling(&self) -> CallToolResult {
        let text = "This tool intentionally returns an error for testing";
        CallToolResult::error(vec![ContentBlock::text(text)])
    }

    /// Has a schema with keywords of JSON Schema 2020-12, which must reach the client.
    #[tool(input_schema = json_schema())]
    async fn json_schema_2020_12_tool(&self) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::text("It is the schema that counts.")])
    }

    /// Has an argument that clients repeat in a header (SEP-2243).
    #[tool(input_schema = header_schema())]
    async fn test_custom_header(&self) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::text("It is the header that counts.")])
    }
}

fn header_schema() -> Arc<JsonObject> {
    Arc::new(object!({
        "type": "object",
        "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
        "required": ["region"],
    }))
}

fn json_schema() -> Arc<JsonObject> {
    Arc::new(object!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {
                    "street": { "type": "string" },
                    "city": { "type": "string" },
                },
            },
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"],
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    }))
}

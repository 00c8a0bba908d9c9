//! The resources: a text, an image, one that may be watched, and a template.

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::json;

use crate::content::PNG;

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
const WATCHED: &str = "test://watched-resource";
const TEMPLATE: &str = "test://template/{id}/data";

pub(crate) fn all() -> Vec<Resource> {
    vec![
        Resource::new(TEXT, "static-text")
            .with_description("A text.")
            .with_mime_type("text/plain"),
        Resource::new(BINARY, "static-binary")
            .with_description("An image of one pixel.")
            .with_mime_type("image/png"),
        Resource::new(WATCHED, "watched-resource")
            .with_description("A text that clients may subscribe to.")
            .with_mime_type("text/plain"),
    ]
}

pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(TEMPLATE, "template")
            .with_description("Data for an id.")
            .with_mime_type("application/json"),
    ]
}

/// The contents of a resource.
pub(crate) fn find(uri: &str) -> Result<ResourceContents, ErrorData> {
    match uri {
        TEXT => Ok(text(
            "This is the content of the static text resource.",
            uri,
        )),
        WATCHED => Ok(text("This is the content of the watched resource.", uri)),
        BINARY => Ok(ResourceContents::blob(PNG, uri).with_mime_type("image/png")),
        other => match id(other) {
            Some(id) => {
                let data = json!({
                    "id": id, "templateTest": true, "data": format!("Data for ID: {id}"),
                });
                let contents = ResourceContents::text(data.to_string(), other);
                Ok(contents.with_mime_type("application/json"))
            }
            None => {
                let data = json!({ "uri": other });
                Err(ErrorData::resource_not_found(
                    "no such resource",
                    Some(data),
                ))
            }
        },
    }
}

pub(crate) fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    find(uri).map(|contents| ReadResourceResult::new(vec![contents]))
}

fn text(text: &str, uri: &str) -> ResourceContents {
    ResourceContents::text(text, uri).with_mime_type("text/plain")
}

/// The id in a URI of the template.
fn id(uri: &str) -> Option<&str> {
    let (before, after) = TEMPLATE.split_once("{id}")?;
    let id = uri.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_template() {
        for (uri, expected) in [
            ("test://template/123/data", Some("123")),
            ("test://template//data", None),
            ("test://template/1/2/data", None),
            ("test://template/123", None),
            ("test://static-text", None),
        ] {
            assert_eq!(id(uri), expected, "{uri}");
        }
    }
}

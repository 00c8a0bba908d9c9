//! What an event says about the request that it belongs to.

use opentelemetry::{KeyValue, Value};
use sentry::Level;
use sentry::protocol::{Context, Event, Exception, Map, Mechanism, Value as Json};

use super::{Failed, McpErrorType};
use crate::attributes as names;
use crate::call::{CallKind, status_of};
use crate::settings::TARGET;

/// The mechanism of Sentry's MCP convention.
const MECHANISM: &str = "auto.ai.mcp_server";

/// The context that holds the request's attributes.
const CONTEXT: &str = "mcp";

/// The attributes that are tags too.
pub(super) const TAGS: [&str; 8] = [
    names::MCP_METHOD_NAME,
    names::MCP_TRANSPORT,
    names::MCP_SESSION_ID,
    names::MCP_REQUEST_ID,
    names::MCP_TOOL_NAME,
    names::MCP_RESOURCE_URI,
    names::MCP_RESOURCE_NAME,
    names::MCP_PROMPT_NAME,
];

/// What an event is about.
pub(super) struct About {
    pub(super) kind: Option<CallKind>,
    pub(super) attributes: Vec<KeyValue>,
}

impl About {
    /// Adds what the event does not have already.
    pub(super) fn add_to(&self, event: &mut Event<'static>) {
        self.add_context_to(event);
        if event.level >= Level::Error {
            self.add_error_to(event);
        }
    }

    /// The same, but for what is said of an error.
    pub(super) fn add_context_to(&self, event: &mut Event<'static>) {
        let context = event
            .contexts
            .entry(CONTEXT.to_owned())
            .or_insert_with(|| Context::Other(Map::new()));
        for KeyValue { key, value, .. } in &self.attributes {
            let key = key.as_str();
            if let Context::Other(values) = context {
                values.entry(key.to_owned()).or_insert_with(|| json(value));
            }
            if TAGS.contains(&key) {
                let tag = value.as_str().into_owned();
                event.tags.entry(key.to_owned()).or_insert(tag);
            }
        }
    }

    /// The mechanism and the status of what failed, where the event holds an error.
    fn add_error_to(&self, event: &mut Event<'static>) {
        let Some(exception) = event.exception.values.last_mut() else {
            return;
        };
        let status = status_of(&exception.ty);
        let error_type = McpErrorType::of_status(status, self.kind);
        let mechanism = exception.mechanism.get_or_insert_with(Mechanism::default);
        // What the SDK says of how it got the error is less than what is known here. A
        // mechanism that the app chose stays.
        if ["", "generic", "tracing", "panic"].contains(&&*mechanism.ty) {
            MECHANISM.clone_into(&mut mechanism.ty);
            mechanism.handled = Some(false);
        }
        if mechanism.ty == MECHANISM {
            let error_type = Json::from(error_type.as_str());
            let data = &mut mechanism.data;
            data.entry("error_type".to_owned()).or_insert(error_type);
            if let Some((key, name)) = self.name() {
                data.entry(key.to_owned()).or_insert_with(|| name.into());
            }
        }
        if let Some(kind) = self.kind {
            let key = kind.status_key().to_owned();
            event.tags.entry(key).or_insert_with(|| status.to_owned());
        }
    }

    /// What the mechanism calls the thing that failed.
    fn name(&self) -> Option<(&'static str, String)> {
        let (key, attributes) = match self.kind? {
            CallKind::Tool => ("tool_name", &[names::MCP_TOOL_NAME][..]),
            CallKind::Prompt => ("prompt_name", &[names::MCP_PROMPT_NAME][..]),
            CallKind::Resource => (
                "resource_uri",
                &[names::MCP_RESOURCE_URI, names::MCP_RESOURCE_NAME][..],
            ),
            CallKind::Splunk => return None,
        };
        let mut all = self.attributes.iter();
        let found = all.find(|pair| attributes.contains(&pair.key.as_str()))?;
        Some((key, found.value.as_str().into_owned()))
    }
}

/// A mechanism with this kind of failure.
pub(super) fn mechanism(error_type: McpErrorType) -> Mechanism {
    let error_type = Json::from(error_type.as_str());
    Mechanism {
        ty: MECHANISM.to_owned(),
        handled: Some(false),
        data: Map::from_iter([("error_type".to_owned(), error_type)]),
        ..Mechanism::default()
    }
}

/// The event of a request or call that failed.
pub(super) fn of_failure(failed: Failed) -> Event<'static> {
    let exceptions = failed.cause.map(|cause| cause.0);
    let mut exceptions = exceptions.unwrap_or_else(|| {
        vec![Exception {
            ty: failed.exception,
            value: Some(failed.message),
            ..Exception::default()
        }]
    });
    if let Some(exception) = exceptions.last_mut() {
        exception.mechanism = Some(mechanism(failed.error_type));
    }
    let mut event = Event {
        logger: Some(TARGET.to_owned()),
        level: Level::Error,
        exception: exceptions.into(),
        ..Event::default()
    };
    if let Some(kind) = failed.kind {
        let status = failed.status.to_owned();
        event.tags.insert(kind.status_key().to_owned(), status);
    }
    if let Some(code) = failed.code {
        let key = names::RPC_RESPONSE_STATUS_CODE.to_owned();
        let values = Map::from_iter([(key, code.to_string().into())]);
        let context = Context::Other(values);
        event.contexts.insert(CONTEXT.to_owned(), context);
    }
    event
}

fn json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::F64(value) => (*value).into(),
        other => other.as_str().into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(kind: Option<CallKind>) -> About {
        let attributes = vec![
            KeyValue::new(names::MCP_TOOL_NAME, "search"),
            KeyValue::new(names::JSONRPC_REQUEST_ID, "7"),
        ];
        About { kind, attributes }
    }

    fn error(ty: &str) -> Event<'static> {
        let exception = Exception {
            ty: ty.to_owned(),
            ..Exception::default()
        };
        Event {
            exception: vec![exception].into(),
            ..Event::default()
        }
    }

    #[test]
    fn what_the_event_says_itself_stays() {
        let mut event = error("Elapsed");
        event.tags.insert("mcp.tool.name".into(), "own".into());
        let own = Mechanism {
            ty: "middleware".into(),
            handled: Some(true),
            ..Mechanism::default()
        };
        event.exception.values[0].mechanism = Some(own.clone());
        about(Some(CallKind::Tool)).add_to(&mut event);
        assert_eq!(event.tags["mcp.tool.name"], "own");
        assert_eq!(event.tags["mcp.tool.status"], "timeout");
        assert!(!event.tags.contains_key("jsonrpc.request.id"));
        assert_eq!(event.exception.values[0].mechanism, Some(own));
    }

    #[test]
    fn only_errors_have_a_mechanism() {
        let mut event = Event {
            message: Some("a line".into()),
            ..Event::default()
        };
        about(Some(CallKind::Tool)).add_to(&mut event);
        assert!(!event.tags.contains_key("mcp.tool.status"));
        let mut event = error("Odd");
        event.level = Level::Warning;
        about(Some(CallKind::Tool)).add_to(&mut event);
        assert_eq!(event.exception.values[0].mechanism, None);
    }
}

//! Names of attributes that stand on most spans and are clean: recognised before anything else.

use std::fmt;

/// Of OpenTelemetry's semantic conventions, of Sentry's, and of this workspace; of eight bytes or more. [`Known::new`] leaves
/// out those that are sensitive by the caller's own keys.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "client.address", "client.port", "code.column.number", "code.file.path", "code.function.name",
    "code.line.number", "code.stacktrace", "db.collection.name", "db.namespace", "db.operation.name",
    "db.query.summary", "db.query.text", "db.response.status_code", "db.system.name", "deployment.environment.name",
    "enduser.id", "error.type", "event.name", "exception.message", "exception.stacktrace", "exception.type",
    "gen_ai.operation.name", "gen_ai.prompt.name", "gen_ai.provider.name", "gen_ai.request.max_tokens",
    "gen_ai.request.model", "gen_ai.response.id", "gen_ai.response.model", "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.id", "gen_ai.tool.call.result", "gen_ai.tool.name", "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens", "host.arch", "host.name", "http.request.body.size", "http.request.method",
    "http.request.method_original", "http.request.resend_count", "http.response.body.size",
    "http.response.status_code", "http.route", "http.status_code", "jsonrpc.request.id", "log.level", "log.logger",
    "mcp.cache.scope", "mcp.cache.ttl_ms", "mcp.cancelled.reason", "mcp.cancelled.request_id",
    "mcp.client.capabilities", "mcp.client.name", "mcp.client.title", "mcp.client.version",
    "mcp.completion.reference.type", "mcp.discovery.protocol_versions", "mcp.input_request.count",
    "mcp.input_request.methods", "mcp.input_response.count", "mcp.lifecycle.phase", "mcp.logging.data_type",
    "mcp.logging.level", "mcp.logging.logger", "mcp.logging.message", "mcp.logging.requested_level",
    "mcp.method.name", "mcp.pagination.cursor.present", "mcp.pagination.next_cursor.present", "mcp.progress.current",
    "mcp.progress.message", "mcp.progress.percentage", "mcp.progress.token", "mcp.progress.total", "mcp.prompt.name",
    "mcp.prompt.result.content", "mcp.prompt.result.description", "mcp.prompt.result.message_content",
    "mcp.prompt.result.message_count", "mcp.prompt.result.message_role", "mcp.prompt.status", "mcp.protocol.ready",
    "mcp.protocol.version", "mcp.request.id", "mcp.request.outcome", "mcp.request_state.present",
    "mcp.resource.name", "mcp.resource.result.content", "mcp.resource.result.mime_types", "mcp.resource.size_bytes",
    "mcp.resource.status", "mcp.resource.uri", "mcp.result.count", "mcp.result.type", "mcp.server.capabilities",
    "mcp.server.name", "mcp.server.title", "mcp.server.version", "mcp.session.id", "mcp.session.status",
    "mcp.status", "mcp.subscription.id", "mcp.tool.error_type", "mcp.tool.name", "mcp.tool.result.content",
    "mcp.tool.result.content_count", "mcp.tool.result.is_error", "mcp.tool.result_keys", "mcp.tool.status",
    "mcp.transport", "messaging.destination.name", "messaging.operation.name", "messaging.system",
    "network.local.address", "network.local.port", "network.peer.address", "network.peer.port",
    "network.protocol.name", "network.protocol.version", "network.transport", "network.type", "os.version",
    "otel.kind", "otel.name", "otel.status_code", "otel.status_description", "process.command",
    "process.executable.name", "process.pid", "process.runtime.name", "process.runtime.version", "rpc.method",
    "rpc.response.status_code", "rpc.service", "rpc.system", "rpc.system.name", "sampling.rate", "sampling.rule",
    "sentry.environment", "sentry.op", "sentry.origin", "sentry.release", "sentry.sdk.name", "sentry.sdk.version",
    "sentry.source", "sentry.status", "sentry.trace.parent_span_id", "server.address", "server.port",
    "service.instance.id", "service.name", "service.namespace", "service.version", "session.id", "splunk.app",
    "splunk.duration", "splunk.earliest_time", "splunk.error_type", "splunk.index", "splunk.latest_time",
    "splunk.operation", "splunk.owner", "splunk.query_length", "splunk.query_preview", "splunk.result",
    "splunk.result_count", "splunk.sid", "splunk.status", "telemetry.sdk.language", "telemetry.sdk.name",
    "telemetry.sdk.version", "thread.id", "thread.name", "url.domain", "url.fragment", "url.full", "url.original",
    "url.path", "url.port", "url.query", "url.scheme", "url.template", "user_agent.original",
];

const SLOTS: usize = 4096;
/// With this factor each name has a slot of its own.
const FACTOR: u64 = 0xcd61_3e30_d8f1_6adf;

/// The names, each in the slot that its first and last bytes tell.
#[derive(Clone)]
pub(crate) struct Known {
    /// Places in `names`, from 1.
    slots: Box<[u8; SLOTS]>,
    names: Vec<Name>,
}

#[derive(Clone, Copy)]
struct Name {
    first: u64,
    last: u64,
    text: &'static str,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Known").field(&self.names.len()).finish()
    }
}

impl Known {
    /// The names that `is_clean` lets through.
    pub(crate) fn new(is_clean: impl Fn(&str) -> bool) -> Self {
        let mut known = Self {
            slots: Box::new([0; SLOTS]),
            names: Vec::new(),
        };
        for text in NAMES.iter().copied().filter(|name| is_clean(name)) {
            let Some((first, last)) = ends(text) else {
                continue;
            };
            let Some(slot) = known.slots.get_mut(slot(first, last, text.len())) else {
                continue;
            };
            let Ok(place) = u8::try_from(known.names.len() + 1) else {
                break;
            };
            if *slot == 0 {
                *slot = place;
                known.names.push(Name { first, last, text });
            }
        }
        known
    }

    /// Whether `key` is one of the names.
    #[inline]
    pub(crate) fn has(&self, key: &str) -> bool {
        let Some((first, last)) = ends(key) else {
            return false;
        };
        let place = self.slots.get(slot(first, last, key.len())).copied();
        let place = usize::from(place.unwrap_or(0));
        let Some(name) = self.names.get(place.wrapping_sub(1)) else {
            return false;
        };
        // What the ends cover needs no second look.
        let is_same = name.first == first && name.last == last && name.text.len() == key.len();
        is_same && (key.len() <= 16 || name.text == key)
    }
}

/// The first and the last eight bytes.
#[inline]
fn ends(key: &str) -> Option<(u64, u64)> {
    let bytes = key.as_bytes();
    Some((
        u64::from_le_bytes(*bytes.first_chunk()?),
        u64::from_le_bytes(*bytes.last_chunk()?),
    ))
}

#[inline]
fn slot(first: u64, last: u64, len: usize) -> usize {
    let mixed = (first ^ last.rotate_left(23) ^ len as u64).wrapping_mul(FACTOR);
    (mixed >> 52) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Class, Keys};

    #[test]
    fn each_name_is_clean_and_has_a_slot_of_its_own() {
        let keys = Keys::default();
        let known = Known::new(|name| keys.class(name) == Class::Clean);
        for name in NAMES {
            assert_eq!(keys.class(name), Class::Clean, "{name}");
            assert!(known.has(name), "{name}");
        }
    }

    #[test]
    fn other_names_are_not_known() {
        let known = Known::new(|_| true);
        for name in NAMES {
            for other in [
                name.to_uppercase(),
                format!("{name}x"),
                format!("x{name}"),
                name[1..].to_owned(),
                name[..name.len() - 1].to_owned(),
                format!("{}_{}", &name[..8], &name[8..]),
            ] {
                assert_eq!(
                    known.has(&other),
                    NAMES.contains(&other.as_str()),
                    "{other}"
                );
            }
        }
        assert!(!known.has("") && !known.has("password") && !known.has("db.password"));
        let none = Known::new(|_| false);
        assert!(!NAMES.iter().any(|name| none.has(name)));
    }
}

//! What the metrics of a message say about it: few values, none of them a client's own text.

use std::time::Duration;

use opentelemetry::KeyValue;
use rmcp::model::{Extensions, ProtocolVersion};

use super::known::OTHER;
use super::outcome::Verdict;
use crate::attributes as names;
use crate::call::CallKind;
use crate::metrics::{self, Measured};
use crate::peer::McpTransport;

/// What is known of a message when it comes.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    method: &'static str,
    version: Option<&'static str>,
    transport: Option<McpTransport>,
    http_version: Option<&'static str>,
}

impl Labels {
    /// Of a message that a server receives.
    pub(crate) fn new(
        method: &'static str,
        version: Option<&ProtocolVersion>,
        extensions: &Extensions,
    ) -> Self {
        let parts = extensions.get::<http::request::Parts>();
        Self {
            method,
            version: version.map(known_version),
            transport: Some(McpTransport::of(parts)),
            http_version: parts.map(|parts| crate::http::version(parts.version).unwrap_or(OTHER)),
        }
    }

    /// Of a message that a client receives, over this transport if that is known.
    #[cfg(feature = "client")]
    pub(crate) fn of_client(
        method: &'static str,
        version: Option<&ProtocolVersion>,
        transport: Option<McpTransport>,
    ) -> Self {
        Self {
            method,
            version: version.map(known_version),
            transport,
            http_version: None,
        }
    }

    /// The message's method.
    pub(crate) fn method(&self) -> &'static str {
        self.method
    }

    /// The version that was agreed on in the end.
    pub(crate) fn agree(&mut self, version: &ProtocolVersion) {
        self.version = Some(known_version(version));
    }

    /// Counts a message that ended so. `target` is the kind and name of what it executed,
    /// where that is known to exist.
    pub(crate) fn operation(
        &self,
        duration: Duration,
        target: Option<(CallKind, &str)>,
        verdict: &Verdict,
    ) {
        metrics::record(Measured::ServerOperation, duration, || {
            let mut labels = self.connection();
            labels.push(KeyValue::new(names::MCP_METHOD_NAME, self.method));
            match target {
                Some((CallKind::Tool, name)) => {
                    labels.push(KeyValue::new(names::GEN_AI_TOOL_NAME, name.to_owned()));
                    labels.push(KeyValue::new(names::GEN_AI_OPERATION_NAME, "execute_tool"));
                }
                Some((CallKind::Prompt, name)) => {
                    labels.push(KeyValue::new(names::GEN_AI_PROMPT_NAME, name.to_owned()));
                }
                _ => {}
            }
            if let Some(error) = &verdict.error_type {
                labels.push(KeyValue::new(names::ERROR_TYPE, error.clone()));
            }
            if let Some(code) = verdict.code {
                let code = code.to_string();
                labels.push(KeyValue::new(names::RPC_RESPONSE_STATUS_CODE, code));
            }
            labels
        });
    }

    /// Counts a session that lasted so long.
    pub(crate) fn session(&self, measured: Measured, duration: Duration) {
        metrics::record(measured, duration, || self.connection());
    }

    fn connection(&self) -> Vec<KeyValue> {
        let mut labels = Vec::with_capacity(10);
        labels.extend(self.transport.into_iter().flat_map(McpTransport::labels));
        if let Some(version) = self.http_version {
            labels.push(KeyValue::new(names::NETWORK_PROTOCOL_VERSION, version));
        }
        if let Some(version) = self.version {
            labels.push(KeyValue::new(names::MCP_PROTOCOL_VERSION, version));
        }
        labels
    }
}

/// A version of the specification; a peer may name any.
pub(crate) fn known_version(version: &ProtocolVersion) -> &'static str {
    let known = ProtocolVersion::KNOWN_VERSIONS.iter();
    let mut known = known.filter(|known| *known == version);
    known.next().map_or(OTHER, ProtocolVersion::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_of_the_specification_are_labels() {
        assert_eq!(known_version(&ProtocolVersion::V_2025_06_18), "2025-06-18");
        let own = serde_json::from_value(serde_json::json!("1999-01-01")).unwrap();
        assert_eq!(known_version(&own), OTHER);
    }
}

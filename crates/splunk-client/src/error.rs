//! Everything that can go wrong with a call.

use std::time::Duration;

use crate::message::SplunkMessage;
use crate::operation::Operation;

/// Why a call failed: what was called, what happened or what Splunk said, and what to try next.
///
/// Neither `Display` nor `Debug` shows a token, password or session key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplunkError {
    /// The client could not be set up.
    #[error(
        "the Splunk client cannot be set up: {reason}. Check that the system has CA certificates (or set \
         SSL_CERT_FILE)."
    )]
    Setup {
        /// What the TLS or HTTP library says.
        reason: String,
    },
    /// There was no connection.
    #[error(
        "{operation}: no connection to Splunk at {address}: {reason}. Check SPLUNK_HOST and SPLUNK_PORT (8089 is the \
         management port, not 8000 or 8088), and that splunkd runs."
    )]
    Connect {
        /// What was called.
        operation: Operation,
        /// Scheme, host and port.
        address: String,
        /// What the network says.
        reason: String,
    },
    /// There was no answer in time.
    #[error(
        "{operation}: no answer from Splunk at {address} within {after:?}. Narrow the search's time range, or allow \
         more time."
    )]
    Timeout {
        /// What was called.
        operation: Operation,
        /// Scheme, host and port.
        address: String,
        /// How long the client waited.
        after: Duration,
    },
    /// The connection could not be secured.
    #[error(
        "{operation}: no secure connection to Splunk at {address}: {reason}. Check SPLUNK_SCHEME; for a certificate \
         of one's own, add its CA to the system (or SSL_CERT_FILE), or set SPLUNK_VERIFY_SSL=false."
    )]
    Tls {
        /// What was called.
        operation: Operation,
        /// Scheme, host and port.
        address: String,
        /// What TLS says.
        reason: String,
    },
    /// The connection broke before the answer was complete.
    #[error(
        "{operation}: the connection to Splunk at {address} broke: {reason}. Try again; check proxies and splunkd's \
         log if it stays."
    )]
    Interrupted {
        /// What was called.
        operation: Operation,
        /// Scheme, host and port.
        address: String,
        /// What the network says.
        reason: String,
    },
    /// Splunk does not accept the credentials (401).
    #[error(
        "{operation}: Splunk does not accept the credentials (401){}. Check SPLUNK_TOKEN, or SPLUNK_USERNAME and \
         SPLUNK_PASSWORD; tokens expire.",
        said(.messages)
    )]
    Authentication {
        /// What was called.
        operation: Operation,
        /// What Splunk said.
        messages: Vec<SplunkMessage>,
    },
    /// The user lacks a capability (403).
    #[error(
        "{operation}: Splunk does not allow this to the user (403){}. Give the user's role the capability it needs.",
        said(.messages)
    )]
    Forbidden {
        /// What was called.
        operation: Operation,
        /// What Splunk said.
        messages: Vec<SplunkMessage>,
    },
    /// There is no such thing (404).
    #[error(
        "{operation}: Splunk does not find it (404){}. Check the name, and that this is splunkd's management port.",
        said(.messages)
    )]
    NotFound {
        /// What was called.
        operation: Operation,
        /// What Splunk said.
        messages: Vec<SplunkMessage>,
    },
    /// Splunk does not accept the request, most often the search (400).
    #[error("{operation}: Splunk refuses the request (400){}. Correct the search or its time range.", said(.messages))]
    BadRequest {
        /// What was called.
        operation: Operation,
        /// What Splunk said.
        messages: Vec<SplunkMessage>,
    },
    /// The search was accepted but failed while it ran: the answer is 200 with a message of severity FATAL.
    #[error("{operation}: the search failed{}. Correct the search.", said(.messages))]
    SearchFailed {
        /// What was called.
        operation: Operation,
        /// What Splunk said.
        messages: Vec<SplunkMessage>,
    },
    /// Splunk is busy or not ready (429, 502, 503, 504).
    #[error("{operation}: Splunk is not available now ({status}){}. Try again later.", said(.messages))]
    Unavailable {
        /// What was called.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// What Splunk said.
        messages: Vec<SplunkMessage>,
    },
    /// Any other status that is not a success.
    #[error("{operation}: Splunk answered with status {status}{}. See splunkd's log.", said(.messages))]
    Server {
        /// What was called.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// What Splunk said.
        messages: Vec<SplunkMessage>,
    },
    /// The answer is not what Splunk answers.
    #[error(
        "{operation}: the answer (status {status}) is not Splunk's: {reason}. Check that host and port are those of \
         splunkd."
    )]
    Decode {
        /// What was called.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// What was not as expected.
        reason: String,
    },
    /// The answer is larger than the client takes.
    #[error("{operation}: the answer is larger than {limit} bytes. Ask for fewer rows or fields.")]
    TooLarge {
        /// What was called.
        operation: Operation,
        /// The HTTP status.
        status: u16,
        /// The most the client takes, in bytes.
        limit: usize,
    },
}

fn said(messages: &[SplunkMessage]) -> String {
    let texts: Vec<String> = messages.iter().map(ToString::to_string).collect();
    if texts.is_empty() {
        return String::new();
    }
    let text = texts.join("; ");
    // The sentence ends with a full stop of its own.
    format!(": {}", text.strip_suffix('.').unwrap_or(&text))
}

impl SplunkError {
    /// The kind of error, from a fixed set: fit for `error.type`.
    ///
    /// One of `setup`, `connect`, `timeout`, `tls`, `interrupted`, `authentication`, `forbidden`, `not_found`,
    /// `bad_request`, `search_failed`, `unavailable`, `server`, `decode`, `too_large`.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Setup { .. } => "setup",
            Self::Connect { .. } => "connect",
            Self::Timeout { .. } => "timeout",
            Self::Tls { .. } => "tls",
            Self::Interrupted { .. } => "interrupted",
            Self::Authentication { .. } => "authentication",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::BadRequest { .. } => "bad_request",
            Self::SearchFailed { .. } => "search_failed",
            Self::Unavailable { .. } => "unavailable",
            Self::Server { .. } => "server",
            Self::Decode { .. } => "decode",
            Self::TooLarge { .. } => "too_large",
        }
    }

    /// The HTTP status of the answer; nothing when there was none.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Setup { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Tls { .. }
            | Self::Interrupted { .. } => None,
            Self::Authentication { .. } => Some(401),
            Self::Forbidden { .. } => Some(403),
            Self::NotFound { .. } => Some(404),
            Self::BadRequest { .. } => Some(400),
            Self::SearchFailed { .. } => Some(200),
            Self::Unavailable { status, .. }
            | Self::Server { status, .. }
            | Self::Decode { status, .. }
            | Self::TooLarge { status, .. } => Some(*status),
        }
    }

    /// What was called; nothing when the client could not be set up.
    #[must_use]
    pub const fn operation(&self) -> Option<Operation> {
        match self {
            Self::Setup { .. } => None,
            Self::Connect { operation, .. }
            | Self::Timeout { operation, .. }
            | Self::Tls { operation, .. }
            | Self::Interrupted { operation, .. }
            | Self::Authentication { operation, .. }
            | Self::Forbidden { operation, .. }
            | Self::NotFound { operation, .. }
            | Self::BadRequest { operation, .. }
            | Self::SearchFailed { operation, .. }
            | Self::Unavailable { operation, .. }
            | Self::Server { operation, .. }
            | Self::Decode { operation, .. }
            | Self::TooLarge { operation, .. } => Some(*operation),
        }
    }

    /// What Splunk said; empty when it said nothing.
    #[must_use]
    pub fn messages(&self) -> &[SplunkMessage] {
        match self {
            Self::Authentication { messages, .. }
            | Self::Forbidden { messages, .. }
            | Self::NotFound { messages, .. }
            | Self::BadRequest { messages, .. }
            | Self::SearchFailed { messages, .. }
            | Self::Unavailable { messages, .. }
            | Self::Server { messages, .. } => messages,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_splunk_said_and_what_to_try() {
        let error = SplunkError::BadRequest {
            operation: Operation::SearchOneshot,
            messages: vec![SplunkMessage {
                severity: "FATAL".to_owned(),
                text: "Unknown search command 'frobnicate'.".to_owned(),
            }],
        };
        assert_eq!(
            error.to_string(),
            "search.oneshot: Splunk refuses the request (400): FATAL: Unknown search command 'frobnicate'. Correct the \
             search or its time range."
        );
        let error = SplunkError::Forbidden {
            operation: Operation::IndexesList,
            messages: Vec::new(),
        };
        assert!(
            error
                .to_string()
                .starts_with("indexes.list: Splunk does not allow this to the user (403). Give")
        );
    }
}

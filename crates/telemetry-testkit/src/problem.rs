//! What was wrong with a request.

use std::path::PathBuf;

use http::StatusCode;

/// One request that the sink could not take, and why.
///
/// A test asserts that a program sends sound telemetry with
/// `assert!(sink.received().problems().is_empty())`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ParseProblem {
    /// Number of the request: [`Request::id`](crate::Request::id).
    pub request: u64,
    /// Path of the request, without its query.
    pub path: String,
    /// What was wrong.
    pub error: ParseError,
}

impl std::fmt::Display for ParseProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "request {} to {}: {}",
            self.request, self.path, self.error
        )
    }
}

/// Why a request was refused.
///
/// The messages name the place and what was expected there. They never quote a payload.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// No such route.
    #[error("no route {path}; expected an envelope or OTLP path")]
    UnknownRoute {
        /// Path of the request.
        path: String,
    },
    /// A known route, but not a POST.
    #[error("method {method} is not allowed; expected POST")]
    WrongMethod {
        /// Method of the request.
        method: String,
    },
    /// The client went away or broke HTTP before the body was complete.
    #[error("the body could not be read to its end: {reason}")]
    Body {
        /// What the HTTP server said.
        reason: String,
    },
    /// No body at all.
    #[error("the body is empty")]
    EmptyBody,
    /// The body is over the limit, on the wire or decompressed.
    #[error("the body is over {limit} bytes ({encoding})")]
    TooLarge {
        /// Most bytes that are taken.
        limit: usize,
        /// Content encoding of the body.
        encoding: String,
    },
    /// A content encoding that this endpoint does not take.
    #[error("content-encoding {encoding:?} is not known here")]
    UnknownEncoding {
        /// Value of the `content-encoding` header.
        encoding: String,
    },
    /// The body is not what its content encoding says.
    #[error("the body is not sound {encoding}: {reason}")]
    BadEncoding {
        /// Content encoding of the body.
        encoding: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// A content type that an OTLP endpoint does not take.
    #[error("content-type {found:?}; expected application/x-protobuf or application/json")]
    ContentType {
        /// Value of the `content-type` header, empty when there is none.
        found: String,
    },
    /// Something that should be JSON is not.
    #[error("{place} is not JSON: {reason}")]
    Json {
        /// What should be JSON.
        place: String,
        /// What the parser said.
        reason: String,
    },
    /// An OTLP body that is not the protobuf message of its path.
    #[error("the body is not an OTLP {signal} request: {reason}")]
    Protobuf {
        /// `traces`, `logs` or `metrics`.
        signal: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// An envelope item is longer than what is left of the envelope.
    #[error("item {item} says length {length}, but only {left} bytes are left")]
    ItemLength {
        /// Index of the item, from 0.
        item: usize,
        /// Its `length` header.
        length: u64,
        /// Bytes left in the envelope.
        left: usize,
    },
    /// An envelope item's payload does not end where its `length` says.
    #[error("item {item} says length {length}, but no newline follows its payload")]
    ItemEnd {
        /// Index of the item, from 0.
        item: usize,
        /// Its `length` header.
        length: u64,
    },
    /// A field is missing or has the wrong shape.
    #[error("{place}.{field}: expected {expected}, found {found}")]
    Field {
        /// The object the field belongs to, for example `transaction.spans[3]`.
        place: String,
        /// Name of the field.
        field: String,
        /// What belongs there.
        expected: &'static str,
        /// What is there: a kind of value, never the value itself.
        found: String,
    },
    /// The body was taken, but could not be stored in the directory for bodies.
    #[error("could not store the body as {path:?}: {reason}")]
    Store {
        /// The file that could not be written.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl ParseError {
    /// Status that the endpoint answers with. As Relay does, 413 and 415 where they apply; else 400.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownRoute { .. } => StatusCode::NOT_FOUND,
            Self::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding { .. } | Self::ContentType { .. } => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Store { .. } => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

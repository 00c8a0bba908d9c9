//! Answers.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use prost::Message as _;
use serde_json::json;

use crate::otlp::Format;
use crate::problem::ParseError;
use crate::request::Request;

/// `INVALID_ARGUMENT` of `google.rpc.Code`.
const INVALID_ARGUMENT: i32 = 3;

/// An answer: status, headers, body.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    content_type: &'static str,
    body: Bytes,
}

/// `google.rpc.Status`: the body of an OTLP error in protobuf.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl Reply {
    fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            content_type,
            body: body.into(),
        }
    }

    fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// Relay's answer to an envelope: `{"id": ..}`, or `{}` when nothing in it has an event id.
    pub(crate) fn envelope(event_id: Option<&str>) -> Self {
        let body = event_id.map_or_else(|| json!({}), |id| json!({"id": id}));
        Self::json(StatusCode::OK, &body)
    }

    /// Full success of OTLP: an empty message in the format of the request.
    pub(crate) fn otlp(format: Format) -> Self {
        match format {
            Format::Protobuf => Self::new(StatusCode::OK, format.content_type(), Bytes::new()),
            Format::Json => Self::json(StatusCode::OK, &json!({})),
        }
    }

    /// Refuses a request and says why: `google.rpc.Status` to a protobuf client, else JSON.
    pub(crate) fn refuse(request: &Request, error: &ParseError) -> Self {
        Self::failure(request_format(request), error.status(), error.to_string())
    }

    fn failure(format: Format, status: StatusCode, message: String) -> Self {
        match format {
            Format::Json => Self::json(status, &json!({"detail": message, "message": message})),
            Format::Protobuf => {
                let body = RpcStatus {
                    code: INVALID_ARGUMENT,
                    message,
                };
                Self::new(status, format.content_type(), body.encode_to_vec())
            }
        }
    }

    /// This answer as a fault makes it. A refusal stays a refusal unless the fault is one, too.
    pub(crate) fn with_fault(mut self, status: Option<StatusCode>, headers: HeaderMap) -> Self {
        match status {
            Some(status) if !status.is_success() => {
                let format = Format::of(self.content_type).unwrap_or(Format::Json);
                self = Self::failure(format, status, format!("fault: {}", status.as_u16()));
            }
            Some(status) if self.status.is_success() => self.status = status,
            _ => {}
        }
        self.headers = headers;
        self
    }

    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        let mut last = None;
        for (name, value) in self.headers {
            // A header with several values gives its name only once.
            last = name.or(last);
            if let Some(name) = &last {
                if name == CONTENT_TYPE {
                    headers.insert(name, value);
                } else {
                    headers.append(name, value);
                }
            }
        }
        response
    }
}

fn request_format(request: &Request) -> Format {
    request
        .header(CONTENT_TYPE.as_str())
        .and_then(Format::of)
        .unwrap_or(Format::Json)
}

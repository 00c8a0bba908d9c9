//! From what HTTP says to a [`SplunkError`]: two tables.

use std::error::Error;
use std::io;

use reqwest::StatusCode;

use crate::error::SplunkError;
use crate::message::SplunkMessage;
use crate::operation::Operation;

/// A call that got no complete answer. `connect_timeout` is the only time limit that
/// reqwest keeps.
pub(crate) fn transport(
    operation: Operation,
    address: String,
    connect_timeout: std::time::Duration,
    error: &reqwest::Error,
) -> SplunkError {
    let reason = innermost(error);
    if is_tls(error) {
        SplunkError::Tls {
            operation,
            address,
            reason,
        }
    } else if error.is_timeout() && error.is_connect() {
        SplunkError::Timeout {
            operation,
            address,
            after: connect_timeout,
        }
    } else if error.is_connect() {
        SplunkError::Connect {
            operation,
            address,
            reason,
        }
    } else {
        SplunkError::Interrupted {
            operation,
            address,
            reason,
        }
    }
}

/// An answer whose status is not a success.
pub(crate) fn status(
    operation: Operation,
    status: StatusCode,
    messages: Vec<SplunkMessage>,
) -> SplunkError {
    match status.as_u16() {
        400 => SplunkError::BadRequest {
            operation,
            messages,
        },
        401 => SplunkError::Authentication {
            operation,
            messages,
        },
        403 => SplunkError::Forbidden {
            operation,
            messages,
        },
        404 => SplunkError::NotFound {
            operation,
            messages,
        },
        status @ (429 | 502..=504) => SplunkError::Unavailable {
            operation,
            status,
            messages,
        },
        status => SplunkError::Server {
            operation,
            status,
            messages,
        },
    }
}

/// The errors from the outermost to the innermost. An I/O error shows the error it wraps, which `source` passes over.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .map(|inner| inner as &(dyn Error + 'static));
        wrapped.or_else(|| error.source())
    })
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| error.is::<rustls::Error>())
}

/// The text of the innermost error: the outer ones name the URL and say no more.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_error() {
        for (number, expected) in [
            (400, "bad_request"),
            (401, "authentication"),
            (403, "forbidden"),
            (404, "not_found"),
            (429, "unavailable"),
            (502, "unavailable"),
            (503, "unavailable"),
            (504, "unavailable"),
            (302, "server"),
            (402, "server"),
            (500, "server"),
        ] {
            let code = StatusCode::from_u16(number).unwrap();
            let error = status(Operation::ServerInfo, code, Vec::new());
            assert_eq!(error.error_type(), expected, "{number}");
            assert_eq!(error.status(), Some(number));
            assert_eq!(error.operation(), Some(Operation::ServerInfo));
        }
    }

    #[test]
    fn finds_a_tls_error_inside_an_io_error() {
        let error = io::Error::other(rustls::Error::DecryptError);
        assert!(is_tls(&error));
        assert!(!is_tls(&io::Error::other("rustls")));
        assert_eq!(innermost(&error), rustls::Error::DecryptError.to_string());
    }
}

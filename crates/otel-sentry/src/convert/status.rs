//! The status of a span in Sentry's words.
//!
//! Source: Sentry's JavaScript SDK (`mapStatus`), the reference for OpenTelemetry spans; the words
//! are those that Relay keeps.

use opentelemetry::trace::Status;

use super::Known;

/// The words that Relay keeps. Any other one becomes `unknown`, so nothing else is written.
const WORDS: [&str; 17] = [
    "ok",
    "aborted",
    "already_exists",
    "cancelled",
    "data_loss",
    "deadline_exceeded",
    "failed_precondition",
    "internal_error",
    "invalid_argument",
    "not_found",
    "out_of_range",
    "permission_denied",
    "resource_exhausted",
    "unauthenticated",
    "unavailable",
    "unimplemented",
    "unknown",
];

const OK: &str = "ok";
const INTERNAL_ERROR: &str = "internal_error";

/// The status of a span.
///
/// In this order: the attribute `sentry.status` if it is one of Sentry's words; `Ok`; for `Error`
/// a description that is one of the words, else the HTTP or gRPC code when there is no
/// description, else `internal_error`; for `Unset` the HTTP or gRPC code, else `ok`.
pub(crate) fn status(status: &Status, known: &Known<'_>) -> &'static str {
    if let Some(word) = known.status.and_then(word) {
        return word;
    }
    let failure = match status {
        Status::Ok => return OK,
        Status::Unset => return by_code(known).unwrap_or(OK),
        Status::Error { description } if description.is_empty() => by_code(known),
        Status::Error { description } => word(description),
    };
    // An error stays an error whatever its code or description says.
    failure.filter(|&word| word != OK).unwrap_or(INTERNAL_ERROR)
}

/// The word as Relay knows it.
fn word(text: &str) -> Option<&'static str> {
    if text == "unknown_error" {
        return Some(INTERNAL_ERROR);
    }
    WORDS.into_iter().find(|&word| word == text)
}

fn by_code(known: &Known<'_>) -> Option<&'static str> {
    known
        .http_status
        .and_then(http)
        .or_else(|| known.grpc_status.and_then(grpc))
}

/// `None` for numbers that are no HTTP status code.
fn http(code: i64) -> Option<&'static str> {
    Some(match code {
        100..=399 => OK,
        401 => "unauthenticated",
        403 => "permission_denied",
        404 => "not_found",
        409 => "already_exists",
        413 => "failed_precondition",
        429 => "resource_exhausted",
        499 => "cancelled",
        400..=499 => "invalid_argument",
        501 => "unimplemented",
        503 => "unavailable",
        504 => "deadline_exceeded",
        500..=599 => INTERNAL_ERROR,
        _ => return None,
    })
}

/// `None` for numbers that are no gRPC status code.
fn grpc(code: i64) -> Option<&'static str> {
    Some(match code {
        0 => OK,
        1 => "cancelled",
        // Relay turns `unknown_error`, the word of gRPC's 2, into `internal_error`.
        2 | 13 => INTERNAL_ERROR,
        3 => "invalid_argument",
        4 => "deadline_exceeded",
        5 => "not_found",
        6 => "already_exists",
        7 => "permission_denied",
        8 => "resource_exhausted",
        9 => "failed_precondition",
        10 => "aborted",
        11 => "out_of_range",
        12 => "unimplemented",
        14 => "unavailable",
        15 => "data_loss",
        16 => "unauthenticated",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(http: Option<i64>, grpc: Option<i64>) -> Known<'static> {
        Known {
            http_status: http,
            grpc_status: grpc,
            ..Known::default()
        }
    }

    #[test]
    fn http_table() {
        for (code, expected) in [
            (100, "ok"),
            (200, "ok"),
            (302, "ok"),
            (400, "invalid_argument"),
            (401, "unauthenticated"),
            (403, "permission_denied"),
            (404, "not_found"),
            (409, "already_exists"),
            (413, "failed_precondition"),
            (418, "invalid_argument"),
            (429, "resource_exhausted"),
            (499, "cancelled"),
            (500, "internal_error"),
            (501, "unimplemented"),
            (502, "internal_error"),
            (503, "unavailable"),
            (504, "deadline_exceeded"),
            (599, "internal_error"),
            (600, "ok"),
            (-1, "ok"),
        ] {
            let known = known(Some(code), None);
            assert_eq!(status(&Status::Unset, &known), expected, "{code}");
        }
    }

    #[test]
    fn grpc_table() {
        let words = [
            "ok",
            "cancelled",
            "internal_error",
            "invalid_argument",
            "deadline_exceeded",
            "not_found",
            "already_exists",
            "permission_denied",
            "resource_exhausted",
            "failed_precondition",
            "aborted",
            "out_of_range",
            "unimplemented",
            "internal_error",
            "unavailable",
            "data_loss",
            "unauthenticated",
            "ok",
        ];
        for (code, expected) in (0..).zip(words) {
            let known = known(None, Some(code));
            assert_eq!(status(&Status::Unset, &known), expected, "{code}");
        }
    }

    #[test]
    fn precedence() {
        let error = |text: &'static str| Status::error(text);
        let rows = [
            (Status::Ok, None, Some(500), "ok"),
            (Status::Unset, None, None, "ok"),
            (Status::Unset, Some("cancelled"), Some(200), "cancelled"),
            (Status::Unset, Some("no such word"), Some(404), "not_found"),
            (Status::Ok, Some("aborted"), None, "aborted"),
            (error(""), None, None, "internal_error"),
            (error(""), None, Some(404), "not_found"),
            (error(""), None, Some(200), "internal_error"),
            (
                error("deadline_exceeded"),
                None,
                Some(404),
                "deadline_exceeded",
            ),
            (error("unknown_error"), None, None, "internal_error"),
            (error("ok"), None, None, "internal_error"),
            (error("it broke"), None, Some(404), "internal_error"),
        ];
        for (otel, word, code, expected) in rows {
            let known = Known {
                status: word,
                ..known(code, None)
            };
            assert_eq!(
                status(&otel, &known),
                expected,
                "{otel:?} {word:?} {code:?}"
            );
        }
    }

    #[test]
    fn every_answer_is_a_word_that_relay_keeps() {
        for code in -10..700 {
            for known in [known(Some(code), None), known(None, Some(code))] {
                for otel in [Status::Unset, Status::Ok, Status::error("x")] {
                    assert!(WORDS.contains(&status(&otel, &known)));
                }
            }
        }
    }
}

//! Which path means what.

use http::Method;

use crate::otlp::{OtlpRoute, Signal};
use crate::problem::ParseError;

/// What a request is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Route {
    Envelope,
    Otlp(OtlpRoute, Signal),
}

impl Route {
    /// Finds the route; a trailing slash does not matter.
    pub(crate) fn of(method: &Method, path: &str) -> Result<Self, ParseError> {
        let segments: Vec<&str> = path
            .strip_suffix('/')
            .unwrap_or(path)
            .split('/')
            .skip(1)
            .collect();
        let route = match segments.as_slice() {
            ["api", project, "envelope"] if is_project(project) => Some(Self::Envelope),
            ["api", project, "integration", "otlp", "v1", signal] if is_project(project) => {
                // Sentry takes no OTLP metrics.
                Signal::of(signal)
                    .filter(|signal| *signal != Signal::Metrics)
                    .map(|signal| Self::Otlp(OtlpRoute::Sentry, signal))
            }
            ["v1", signal] => Signal::of(signal).map(|signal| Self::Otlp(OtlpRoute::Plain, signal)),
            _ => None,
        };
        match route {
            None => Err(ParseError::UnknownRoute {
                path: path.to_owned(),
            }),
            Some(_) if method != Method::POST => Err(ParseError::WrongMethod {
                method: method.to_string(),
            }),
            Some(route) => Ok(route),
        }
    }
}

fn is_project(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_and_without_trailing_slash() {
        let cases = [
            ("/api/1/envelope/", Route::Envelope),
            ("/api/42/envelope", Route::Envelope),
            ("/v1/traces", Route::Otlp(OtlpRoute::Plain, Signal::Traces)),
            ("/v1/logs/", Route::Otlp(OtlpRoute::Plain, Signal::Logs)),
            (
                "/v1/metrics",
                Route::Otlp(OtlpRoute::Plain, Signal::Metrics),
            ),
            (
                "/api/1/integration/otlp/v1/traces",
                Route::Otlp(OtlpRoute::Sentry, Signal::Traces),
            ),
            (
                "/api/1/integration/otlp/v1/logs/",
                Route::Otlp(OtlpRoute::Sentry, Signal::Logs),
            ),
        ];
        for (path, route) in cases {
            assert_eq!(Route::of(&Method::POST, path), Ok(route), "{path}");
        }
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        let paths = [
            "/",
            "",
            "/api/envelope/",
            "/api/x/envelope/",
            "/api/1/store/",
            "/api/1/integration/otlp/v1/metrics",
            "/v1/profiles",
            "/v1/traces/x",
        ];
        for path in paths {
            let error = Route::of(&Method::POST, path).unwrap_err();
            assert_eq!(error.status(), 404, "{path}");
        }
        let error = Route::of(&Method::GET, "/v1/traces").unwrap_err();
        assert_eq!(error.status(), 405);
    }
}

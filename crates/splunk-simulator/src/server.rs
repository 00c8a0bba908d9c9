//! The way of a request: plain path, arguments, latency, faults, authentication, endpoint.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::args::Args;
use crate::endpoints::{self, login};
use crate::fault::{FaultKind, HANG_LIMIT};
use crate::reply::{self, Failure, Message, OutputMode};
use crate::world::{SeenRequest, World};

/// The largest request body that is read, in bytes.
const LARGEST_BODY: usize = 1024 * 1024;

/// The whole service.
pub(crate) fn app(world: Arc<World>) -> Router {
    let endpoints = endpoints::routes()
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(&world));
    // A router of its own around the endpoints: its layer runs before they are matched, so it may change the path.
    Router::new()
        .fallback_service(endpoints)
        .layer(from_fn_with_state(world, gate))
}

async fn gate(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let asked_to_close = asks_to_close(request.headers());
    let mut response = admit(&world, request, next).await;
    // After a body that was not read to its end the connection cannot be used again.
    let closes = asked_to_close || response.status() == StatusCode::PAYLOAD_TOO_LARGE;
    // The official Python SDK reads this header on every answer.
    response.headers_mut().insert(
        header::CONNECTION,
        HeaderValue::from_static(if closes { "Close" } else { "Keep-Alive" }),
    );
    response
}

async fn admit(world: &World, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    world.record(seen(&parts));
    let path = plain_path(parts.uri.path());
    let query = parts.uri.query().map(ToOwned::to_owned);

    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return Failure::fatal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The request body is too large.",
        )
        .into_response(OutputMode::Json);
    };
    let args = Args::parse(query.as_deref(), &body);
    let mode = args.output_mode();

    tokio::time::sleep(world.latency()).await;
    let fault = world.faults().strike(&path);
    if let Some(fault) = fault {
        return suffer(fault, mode.unwrap_or(OutputMode::Xml)).await;
    }
    let mode = match mode {
        Ok(mode) => mode,
        Err(failure) => return failure.into_response(OutputMode::Xml),
    };
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let known = path == login::PATH || world.credentials.accepts(authorization, &world.sessions());
    if !known {
        return Failure::new(
            StatusCode::UNAUTHORIZED,
            Message::new("WARN", "call not properly authenticated"),
        )
        .into_response(mode);
    }

    parts.uri = with_path(&path, query.as_deref());
    parts.extensions.insert(args);
    parts.extensions.insert(mode);
    next.run(Request::from_parts(parts, Body::empty())).await
}

async fn suffer(fault: FaultKind, mode: OutputMode) -> Response {
    let status = |number| StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let number = match fault {
        FaultKind::Body {
            status: number,
            body,
        } => {
            return reply::raw(
                status(number),
                "application/json; charset=UTF-8",
                Body::from(body),
            );
        }
        FaultKind::Status(number) => number,
        FaultKind::Hang => {
            tokio::time::sleep(HANG_LIMIT).await;
            503
        }
    };
    let status = status(number);
    let text = format!(
        "The simulator was told to answer {}.",
        status.canonical_reason().unwrap_or("so")
    );
    let kind = if status.is_server_error() {
        "ERROR"
    } else {
        "WARN"
    };
    Failure::new(status, Message::new(kind, text)).into_response(mode)
}

async fn not_found(request: Request) -> Response {
    let mode = mode_of(&request);
    Failure::new(StatusCode::NOT_FOUND, Message::new("ERROR", "Not Found")).into_response(mode)
}

async fn method_not_allowed(request: Request) -> Response {
    let mode = mode_of(&request);
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Message::new("ERROR", "Method Not Allowed"),
    )
    .into_response(mode)
}

fn mode_of(request: &Request) -> OutputMode {
    let mode = request.extensions().get::<OutputMode>();
    mode.copied().unwrap_or(OutputMode::Xml)
}

/// The path without its namespace (`/servicesNS/owner/app/…`), without the `v2` of the search endpoints, and without
/// a slash at its end.
fn plain_path(path: &str) -> String {
    let path = path.trim_end_matches('/');
    let rest = match path.strip_prefix("/servicesNS/") {
        // owner / app / rest
        Some(scoped) => scoped.splitn(3, '/').nth(2).unwrap_or_default(),
        None => match path.strip_prefix("/services/") {
            Some(rest) => rest,
            None => return if path.is_empty() { "/" } else { path }.to_owned(),
        },
    };
    match rest.strip_prefix("search/v2/") {
        Some(rest) => format!("/services/search/{rest}"),
        None => format!("/services/{rest}"),
    }
}

fn with_path(path: &str, query: Option<&str>) -> Uri {
    let text = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // Both come out of a valid URI, so this does not fail; the root is as good as any path that is not found.
    text.parse::<PathAndQuery>()
        .map_or_else(|_| Uri::default(), Uri::from)
}

fn asks_to_close(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONNECTION)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

fn seen(parts: &axum::http::request::Parts) -> SeenRequest {
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let shown = if name == header::AUTHORIZATION {
                let scheme = value.split_whitespace().next().unwrap_or_default();
                format!("{scheme} ***")
            } else {
                value.into_owned()
            };
            (name.as_str().to_owned(), shown)
        })
        .collect();
    SeenRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_plain() {
        for (path, expected) in [
            ("/services/server/info", "/services/server/info"),
            ("/services/data/indexes/", "/services/data/indexes"),
            ("/servicesNS/-/-/data/indexes", "/services/data/indexes"),
            (
                "/servicesNS/nobody/search/search/v2/jobs/1.1/results",
                "/services/search/jobs/1.1/results",
            ),
            ("/services/search/v2/jobs/", "/services/search/jobs"),
            ("/servicesNS/only", "/services/"),
            ("/elsewhere", "/elsewhere"),
            ("/", "/"),
            ("", "/"),
            ("//", "/"),
        ] {
            assert_eq!(plain_path(path), expected, "{path}");
        }
    }
}

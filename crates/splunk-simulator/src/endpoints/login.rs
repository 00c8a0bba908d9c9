//! `POST /services/auth/login`: a session key for a user and a password.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde_json::json;

use crate::args::Args;
use crate::reply::{self, Failure, Message, OutputMode};
use crate::world::World;

/// The only path that needs no authentication.
pub(crate) const PATH: &str = "/services/auth/login";

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new().route(PATH, post(login))
}

async fn login(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
) -> Response {
    let (Some(username), Some(password)) = (args.get("username"), args.get("password")) else {
        return Failure::new(
            StatusCode::BAD_REQUEST,
            Message::new("WARN", "Missing username or password"),
        )
        .into_response(mode);
    };
    if !world.credentials.accepts_login(username, password) {
        let message = Message {
            code: Some("incorrect_username_or_password"),
            ..Message::new("WARN", "Login failed")
        };
        return Failure::new(StatusCode::UNAUTHORIZED, message).into_response(mode);
    }
    let key = world.sessions().open();
    match mode {
        OutputMode::Json => reply::json_reply(
            StatusCode::OK,
            &json!({"sessionKey": key, "message": "", "code": ""}),
        ),
        OutputMode::Xml => reply::value(mode, StatusCode::OK, "sessionKey", &key),
    }
}

//! `GET /services/server/health/splunkd`: always green; the other colours come from a fault with a body.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::get;

use crate::args::Args;
use crate::clock;
use crate::reply::{Entry, Feed, OutputMode};
use crate::world::World;

const PATH: &str = "/services/server/health/splunkd";

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new().route(PATH, get(health))
}

async fn health(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
) -> Response {
    let page = match args.page(30, 1) {
        Ok(page) => page,
        Err(failure) => return failure.into_response(mode),
    };
    let updated = clock::iso(world.data.now as f64);
    let entry = Entry {
        name: "splunkd".to_owned(),
        path: PATH.to_owned(),
        owner: "system",
        app: "system",
        updated: updated.clone(),
        content: [("health".to_owned(), "green".into())]
            .into_iter()
            .collect(),
    };
    Feed {
        title: "health-report",
        path: "/services/server/health",
        updated,
        entries: page.of(&[entry]),
        page,
    }
    .into_response(mode)
}

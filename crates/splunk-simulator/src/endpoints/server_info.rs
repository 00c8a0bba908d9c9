//! `GET /services/server/info`: what the server says it is.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use crate::args::Args;
use crate::clock;
use crate::reply::{BUILD, Entry, Failure, Feed, OutputMode, VERSION};
use crate::world::World;

const PATH: &str = "/services/server/info";

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new().route(PATH, get(info))
}

async fn info(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
) -> Response {
    let page = match args.page(30, 1) {
        Ok(page) => page,
        Err(failure) => return Failure::into_response(failure, mode),
    };
    let updated = clock::iso(world.data.now as f64);
    let entry = Entry {
        name: "server-info".to_owned(),
        path: "/services/server/info/server-info".to_owned(),
        owner: "system",
        app: "system",
        updated: updated.clone(),
        content: content(world.data.now),
    };
    Feed {
        title: "server-info",
        path: PATH,
        updated,
        entries: page.of(&[entry]),
        page,
    }
    .into_response(mode)
}

fn content(now: i64) -> serde_json::Map<String, Value> {
    let content = json!({
        "activeLicenseGroup": "Enterprise",
        "build": BUILD,
        "cpu_arch": "x86_64",
        "guid": "5151D0F0-0000-4000-8000-51A0E0D0C0B0",
        "host": "splunk-simulator",
        "isFree": false,
        "isTrial": false,
        "kvStoreStatus": "ready",
        "licenseState": "OK",
        "mode": "normal",
        "numberOfCores": 4,
        "numberOfVirtualCores": 8,
        "os_name": "Linux",
        "os_version": "6.8.0",
        "physicalMemoryMB": 16_384,
        "product_type": "enterprise",
        "serverName": "splunk-simulator",
        "server_roles": ["indexer", "search_head", "kv_store"],
        "startup_time": now - 7 * 86_400,
        "version": VERSION,
    });
    match content {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    }
}

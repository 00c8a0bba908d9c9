//! `GET /services/data/indexes` and `GET /services/data/indexes/{name}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value};

use crate::args::Args;
use crate::clock;
use crate::data::{Dataset, INDEXES, IndexInfo};
use crate::reply::{Entry, Failure, Feed, Message, OutputMode};
use crate::world::World;

const PATH: &str = "/services/data/indexes";

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route(PATH, get(list))
        .route("/services/data/indexes/{name}", get(one))
}

async fn list(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
) -> Response {
    feed(&world, mode, &args, &INDEXES)
}

async fn one(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
    Path(name): Path<String>,
) -> Response {
    let Some(index) = INDEXES.iter().find(|index| index.name == name) else {
        return Failure::new(
            StatusCode::NOT_FOUND,
            Message::new("ERROR", format!("Could not find object id={name}")),
        )
        .into_response(mode);
    };
    feed(&world, mode, &args, std::slice::from_ref(index))
}

fn feed(world: &World, mode: OutputMode, args: &Args, indexes: &[IndexInfo]) -> Response {
    let page = match args.page(30, indexes.len()) {
        Ok(page) => page,
        Err(failure) => return failure.into_response(mode),
    };
    let entries: Vec<Entry> = page
        .of(indexes)
        .iter()
        .map(|index| entry(&world.data, *index))
        .collect();
    Feed {
        title: "indexes",
        path: PATH,
        updated: clock::iso(world.data.now as f64),
        entries: &entries,
        page,
    }
    .into_response(mode)
}

fn entry(data: &Dataset, index: IndexInfo) -> Entry {
    let name = index.name;
    let events = index.events as u64;
    let mut content = Map::from_iter([
        ("assureUTF8".to_owned(), Value::from(false)),
        // About 300 bytes an event, never 0: an empty index has its buckets too.
        (
            "currentDBSizeMB".to_owned(),
            Value::from(1 + events * 300 / 1_048_576),
        ),
        ("datatype".to_owned(), Value::from("event")),
        ("disabled".to_owned(), Value::from(false)),
        (
            "frozenTimePeriodInSecs".to_owned(),
            Value::from(188_697_600_u64),
        ),
        (
            "homePath".to_owned(),
            Value::from(format!("$SPLUNK_DB/{name}/db")),
        ),
        ("isInternal".to_owned(), Value::from(index.internal)),
        ("maxTotalDataSizeMB".to_owned(), Value::from(500_000)),
        ("totalEventCount".to_owned(), Value::from(events)),
    ]);
    if let Some((oldest, newest)) = data.range(name) {
        content.insert("minTime".to_owned(), clock::iso(oldest).into());
        content.insert("maxTime".to_owned(), clock::iso(newest).into());
    }
    Entry {
        name: name.to_owned(),
        path: format!("/servicesNS/nobody/system/data/indexes/{name}"),
        owner: "nobody",
        app: "system",
        updated: clock::iso(data.now as f64),
        content,
    }
}

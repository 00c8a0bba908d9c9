//! `/services/search/jobs`: searches as jobs, and one-shot searches.
//!
//! A search is computed when it is created; a job counts as running until the search's delay is over.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Map, Value, json};
use tokio::time::{Duration, Instant};

use crate::args::{Args, Page};
use crate::clock;
use crate::reply::{self, Entry, Failure, Feed, Message, OutputMode, ResultsReply};
use crate::search::{self, Outcome};
use crate::world::World;

const PATH: &str = "/services/search/jobs";

/// How many jobs are kept; a further one pushes out the oldest.
const KEPT_JOBS: usize = 200;

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route(
            "/services/search/jobs/{sid}",
            get(one).delete(cancel_by_delete),
        )
        .route(
            "/services/search/jobs/{sid}/results",
            get(results).post(results),
        )
        .route("/services/search/jobs/{sid}/control", post(control))
}

/// The jobs there are, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    jobs: VecDeque<Arc<Job>>,
    created: u64,
}

#[derive(Debug)]
struct Job {
    sid: String,
    search: String,
    outcome: Outcome,
    done_at: Instant,
}

impl Job {
    fn is_done(&self) -> bool {
        Instant::now() >= self.done_at
    }
}

impl Jobs {
    fn add(&mut self, now: i64, search: &str, outcome: Outcome) -> String {
        self.created += 1;
        let sid = format!("{now}.{}", self.created);
        if self.jobs.len() >= KEPT_JOBS {
            self.jobs.pop_front();
        }
        self.jobs.push_back(Arc::new(Job {
            sid: sid.clone(),
            search: search.to_owned(),
            done_at: Instant::now() + outcome.delay,
            outcome,
        }));
        sid
    }

    fn find(&self, sid: &str) -> Result<Arc<Job>, Failure> {
        let found = self.jobs.iter().find(|job| job.sid == sid);
        found.cloned().ok_or_else(unknown_sid)
    }

    fn cancel(&mut self, sid: &str) -> Result<(), Failure> {
        let before = self.jobs.len();
        self.jobs.retain(|job| job.sid != sid);
        if self.jobs.len() == before {
            return Err(unknown_sid());
        }
        Ok(())
    }

    /// Ends a running job at once, with what it has.
    fn finalize(&mut self, sid: &str) -> Result<(), Failure> {
        let job = self.jobs.iter_mut().find(|job| job.sid == sid);
        let job = job.ok_or_else(unknown_sid)?;
        *job = Arc::new(Job {
            sid: job.sid.clone(),
            search: job.search.clone(),
            outcome: job.outcome.clone(),
            done_at: job.done_at.min(Instant::now()),
        });
        Ok(())
    }
}

fn unknown_sid() -> Failure {
    Failure::fatal(StatusCode::NOT_FOUND, "Unknown sid.")
}

async fn create(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
) -> Response {
    match created(&world, mode, &args).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(mode),
    }
}

async fn created(world: &World, mode: OutputMode, args: &Args) -> Result<Response, Failure> {
    let search = args.get("search").unwrap_or_default();
    let exec_mode = args.filled("exec_mode").unwrap_or("normal");
    if !matches!(exec_mode, "normal" | "blocking" | "oneshot") {
        return Err(Failure::bad_search(format!(
            "Invalid value \"{exec_mode}\" for argument 'exec_mode': expected normal, blocking or oneshot."
        )));
    }
    let mut outcome = search::run(
        &world.data,
        search::Request {
            search,
            earliest: args.get("earliest_time"),
            latest: args.get("latest_time"),
        },
    )
    .map_err(Failure::bad_search)?;
    if let Ok(most @ 1..) = usize::try_from(args.number("max_count", 10_000)?) {
        outcome.rows.truncate(most);
    }
    if exec_mode == "oneshot" {
        let page = args.page(100, outcome.rows.len())?;
        tokio::time::sleep(outcome.delay).await;
        return Ok(results_reply(&outcome, page, mode));
    }
    let delay = outcome.delay;
    let sid = world.jobs().add(world.data.now, search, outcome);
    if exec_mode == "blocking" {
        tokio::time::sleep(delay).await;
    }
    Ok(reply::value(mode, StatusCode::CREATED, "sid", &sid))
}

async fn list(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
) -> Response {
    // Newest first, as Splunk lists them.
    let jobs: Vec<Arc<Job>> = world.jobs().jobs.iter().rev().cloned().collect();
    let page = match args.page(0, jobs.len()) {
        Ok(page) => page,
        Err(failure) => return failure.into_response(mode),
    };
    let entries: Vec<Entry> = page
        .of(&jobs)
        .iter()
        .map(|job| entry(&world, job))
        .collect();
    feed(&world, &entries, page).into_response(mode)
}

async fn one(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Path(sid): Path<String>,
) -> Response {
    let found = world.jobs().find(&sid);
    match found {
        Ok(job) => {
            let page = Page {
                start: 0,
                end: 1,
                count: 0,
                total: 1,
            };
            reply::job(mode, feed(&world, &[entry(&world, &job)], page))
        }
        Err(failure) => failure.into_response(mode),
    }
}

async fn results(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
    Path(sid): Path<String>,
) -> Response {
    let found = world.jobs().find(&sid);
    let page = found.and_then(|job| {
        let page = args.page(100, job.outcome.rows.len())?;
        Ok((job, page))
    });
    match page {
        // Splunk has no content for a job that still runs.
        Ok((job, _)) if !job.is_done() => StatusCode::NO_CONTENT.into_response(),
        Ok((job, page)) => results_reply(&job.outcome, page, mode),
        Err(failure) => failure.into_response(mode),
    }
}

async fn control(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Extension(args): Extension<Args>,
    Path(sid): Path<String>,
) -> Response {
    let action = args.get("action").unwrap_or_default();
    let done = match action {
        "cancel" => world.jobs().cancel(&sid).map(|()| "Search job cancelled."),
        "finalize" => world
            .jobs()
            .finalize(&sid)
            .map(|()| "Search job finalized."),
        _ => Err(Failure::bad_search(format!(
            "Invalid value \"{action}\" for argument 'action': the simulator takes cancel and finalize."
        ))),
    };
    acknowledge(mode, done)
}

async fn cancel_by_delete(
    State(world): State<Arc<World>>,
    Extension(mode): Extension<OutputMode>,
    Path(sid): Path<String>,
) -> Response {
    let done = world.jobs().cancel(&sid).map(|()| "Search job cancelled.");
    acknowledge(mode, done)
}

fn acknowledge(mode: OutputMode, done: Result<&str, Failure>) -> Response {
    match done {
        Ok(text) => reply::messages(mode, StatusCode::OK, &[Message::new("INFO", text)]),
        Err(failure) => failure.into_response(mode),
    }
}

fn results_reply(outcome: &Outcome, page: Page, mode: OutputMode) -> Response {
    ResultsReply {
        fields: &outcome.fields,
        rows: page.of(&outcome.rows),
        messages: &outcome.messages,
        offset: page.start,
    }
    .into_response(mode)
}

fn feed<'a>(world: &World, entries: &'a [Entry], page: Page) -> Feed<'a> {
    Feed {
        title: "jobs",
        path: PATH,
        updated: clock::iso(world.data.now as f64),
        entries,
        page,
    }
}

fn entry(world: &World, job: &Job) -> Entry {
    let done = job.is_done();
    let outcome = &job.outcome;
    let messages: Vec<Value> = outcome
        .messages
        .iter()
        .map(|message| json!({"type": message.kind, "text": message.text}))
        .collect();
    let left = job.done_at.saturating_duration_since(Instant::now());
    let progress = if done {
        1.0
    } else {
        share_done(outcome.delay, left)
    };
    let content = Map::from_iter([
        (
            "dispatchState".to_owned(),
            Value::from(if done { "DONE" } else { "RUNNING" }),
        ),
        ("doneProgress".to_owned(), progress.into()),
        ("eventCount".to_owned(), outcome.matched.into()),
        ("isDone".to_owned(), done.into()),
        ("isFailed".to_owned(), false.into()),
        ("isFinalized".to_owned(), false.into()),
        ("isPaused".to_owned(), false.into()),
        ("isSaved".to_owned(), false.into()),
        ("messages".to_owned(), messages.into()),
        (
            "resultCount".to_owned(),
            if done { outcome.rows.len() } else { 0 }.into(),
        ),
        (
            "runDuration".to_owned(),
            outcome.delay.saturating_sub(left).as_secs_f64().into(),
        ),
        ("scanCount".to_owned(), outcome.scanned.into()),
        ("search".to_owned(), job.search.as_str().into()),
        ("sid".to_owned(), job.sid.as_str().into()),
        ("ttl".to_owned(), 600.into()),
    ]);
    Entry {
        name: job.search.clone(),
        path: format!("/servicesNS/nobody/search/search/jobs/{}", job.sid),
        owner: "nobody",
        app: "search",
        updated: clock::iso(world.data.now as f64),
        content,
    }
}

/// How much of a delay is over, from 0 to 1.
fn share_done(delay: Duration, left: Duration) -> f64 {
    if delay.is_zero() {
        return 1.0;
    }
    (1.0 - left.as_secs_f64() / delay.as_secs_f64()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_bounded_number_of_jobs_with_sids_of_their_own() {
        let mut jobs = Jobs::default();
        let first = jobs.add(5, "search *", Outcome::default());
        assert_eq!(first, "5.1");
        for _ in 0..KEPT_JOBS {
            jobs.add(5, "search *", Outcome::default());
        }
        assert_eq!(jobs.jobs.len(), KEPT_JOBS);
        assert!(jobs.find(&first).is_err());
    }

    #[test]
    fn finalizing_ends_a_running_job() {
        let mut jobs = Jobs::default();
        let outcome = Outcome {
            delay: Duration::from_secs(60),
            ..Outcome::default()
        };
        let sid = jobs.add(0, "search *", outcome);
        assert!(!jobs.find(&sid).unwrap().is_done());
        jobs.finalize(&sid).unwrap();
        assert!(jobs.find(&sid).unwrap().is_done());
        jobs.cancel(&sid).unwrap();
        assert_eq!(jobs.cancel(&sid), Err(unknown_sid()));
    }
}

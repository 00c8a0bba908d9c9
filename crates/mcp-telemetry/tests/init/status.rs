//! Which events are on their span: errors with an error, and nothing else.

use std::error::Error;
use std::io;

use mcp_telemetry::opentelemetry::trace::Status;
use tracing::instrument::Instrument as _;

use crate::common::{Rig, attributes};

#[test]
fn a_plain_error_leaves_its_span_alone() {
    let rig = Rig::new(&[]);
    tracing::info_span!("work").in_scope(|| {
        tracing::error!(index = "main", "no answer, trying another");
        tracing::warn!(error = "a warning", "no error yet");
        tracing::info!("fine");
    });
    let span = rig.spans().one("work");
    assert_eq!(span.status, Status::Unset);
    assert!(span.events.is_empty(), "{:?}", span.events);
}

#[test]
fn an_error_with_an_error_marks_its_span() {
    let rig = Rig::new(&[]);
    let error = io::Error::other("no answer from admin, password=hunter2");
    tracing::info_span!("work").in_scope(|| {
        tracing::error!(error = &error as &dyn Error, "giving up");
    });
    let span = rig.spans().one("work");
    assert!(
        matches!(span.status, Status::Error { .. }),
        "{:?}",
        span.status
    );
    let exceptions: Vec<_> = span
        .events
        .iter()
        .map(|event| event.name.as_ref())
        .collect();
    assert_eq!(exceptions, ["exception"]);
    let event = &span.events[0];
    let message = event
        .attributes
        .iter()
        .find(|pair| pair.key.as_str() == "exception.message")
        .map(|pair| pair.value.to_string());
    assert!(message.unwrap().starts_with("no answer from admin"));
    let all = format!("{:?} {:?} {}", span.status, span.events, attributes(&span));
    assert!(!all.contains("hunter2"), "{all}");
}

#[tracing::instrument(err)]
async fn instrumented(fails: bool) -> Result<(), io::Error> {
    match fails {
        true => Err(io::Error::other("no answer")),
        false => Ok(()),
    }
}

#[tokio::test]
async fn instrument_err_marks_its_span_alone() {
    let rig = Rig::new(&[]);
    let outer = tracing::info_span!("outer");
    let work = async {
        instrumented(false).await.unwrap();
        instrumented(true).await.unwrap_err();
    };
    work.instrument(outer).await;
    let spans = rig.spans();
    let statuses: Vec<_> = spans
        .all("instrumented")
        .map(|span| matches!(span.status, Status::Error { .. }))
        .collect();
    assert_eq!(statuses, [false, true]);
    assert_eq!(spans.one("outer").status, Status::Unset);
}

#[test]
fn levels_below_info_make_no_spans() {
    let rig = Rig::new(&[]);
    let quiet = tracing::debug_span!("quiet");
    assert!(quiet.is_disabled());
    quiet.in_scope(|| drop(tracing::warn_span!("loud")));
    assert_eq!(rig.spans().names(), ["loud"]);
}

//! What traced functions do: the same as before, and a call is noted with its name, arguments and outcome.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "the stand-in for `mcp_telemetry` is public where the real one is"
)]

extern crate self as mcp_telemetry;

mod arguments;
mod asynchronous;
mod blocking;
#[path = "../../../mcp-telemetry/src/bounded.rs"]
mod bounded;
mod futures;
mod names;
mod returned;
mod rmcp_prompts;
mod rmcp_tools;
mod support;

/// What the real crate has there.
pub mod __private {
    pub use crate::support::CallSpan;
    pub use crate::support::argument::*;
    pub use crate::support::outcome::*;
    pub use crate::support::probe::*;
    pub use crate::support::returned::*;
}

/// The real one keeps the error for Sentry; here nobody asks for it.
mod errors {
    pub(crate) struct Cause;

    impl Cause {
        pub(crate) fn keep<E: std::error::Error + ?Sized>(_: &E) {}
    }
}

use std::fmt::{Debug, Display};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mcp_telemetry_macros::{
    trace_mcp_prompt, trace_mcp_resource, trace_mcp_tool, trace_splunk_operation,
};
use support::outcome::Outcome;
use support::{Call, take_calls};

/// Runs a future that never has to wait.
#[track_caller]
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}

/// The one call since the last time.
#[track_caller]
fn call() -> Call {
    let mut calls = take_calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0)
}

#[track_caller]
fn expect(name: &str, arguments: &[(&str, &str)], outcome: &Outcome) {
    let call = call();
    let found: Vec<_> = call
        .arguments
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    assert_eq!(call.name, name);
    assert_eq!(found, arguments);
    assert_eq!(call.outcome, *outcome);
}

fn error(kind: &'static str, message: &str) -> Outcome {
    Outcome::Error {
        kind,
        message: message.to_owned(),
    }
}

/// A type without `Debug`.
#[derive(Clone, Copy)]
struct Opaque;

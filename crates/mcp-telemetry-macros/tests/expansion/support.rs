//! Stands in for `mcp_telemetry`: notes what the expansion asks for. Classification and formatting are the real ones.

use std::cell::RefCell;
use std::fmt::Debug;

#[path = "../../../mcp-telemetry/src/call/argument.rs"]
pub mod argument;
#[path = "../../../mcp-telemetry/src/call/keys.rs"]
mod keys;
#[path = "../../../mcp-telemetry/src/call/outcome.rs"]
pub mod outcome;
#[path = "../../../mcp-telemetry/src/call/probe.rs"]
pub mod probe;
#[path = "../../../mcp-telemetry/src/call/returned.rs"]
pub mod returned;

use outcome::Outcome;
use returned::Returned;

/// One call, once it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub kind: &'static str,
    pub name: &'static str,
    pub arguments: Vec<(&'static str, String)>,
    pub outcome: Outcome,
    /// What `ret` records.
    pub returned: Option<Returned>,
}

thread_local! {
    static CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
}

/// The calls of this thread that ended since the last time.
pub fn take_calls() -> Vec<Call> {
    CALLS.with_borrow_mut(std::mem::take)
}

#[derive(Debug)]
pub struct CallSpan {
    kind: &'static str,
    name: &'static str,
    arguments: Vec<(&'static str, String)>,
}

impl CallSpan {
    pub fn tool(name: &'static str) -> Self {
        Self::new("tool", name)
    }

    pub fn resource(name: &'static str) -> Self {
        Self::new("resource", name)
    }

    pub fn prompt(name: &'static str) -> Self {
        Self::new("prompt", name)
    }

    pub fn splunk(name: &'static str) -> Self {
        Self::new("splunk", name)
    }

    fn new(kind: &'static str, name: &'static str) -> Self {
        Self {
            kind,
            name,
            arguments: Vec::new(),
        }
    }

    pub fn argument(mut self, name: &'static str, value: &dyn Debug) -> Self {
        self.arguments
            .push((name, argument::format_argument(value)));
        self
    }

    pub async fn run<T>(
        self,
        call: impl Future<Output = T>,
        outcome: impl FnOnce(&T) -> Outcome,
    ) -> T {
        self.run_returning(call, outcome, |_| None).await
    }

    pub fn run_sync<T>(self, call: impl FnOnce() -> T, outcome: impl FnOnce(&T) -> Outcome) -> T {
        self.run_sync_returning(call, outcome, |_| None)
    }

    pub async fn run_returning<T>(
        self,
        call: impl Future<Output = T>,
        outcome: impl FnOnce(&T) -> Outcome,
        returned: impl FnOnce(&T) -> Option<Returned>,
    ) -> T {
        let value = call.await;
        self.end(outcome(&value), returned(&value));
        value
    }

    pub fn run_sync_returning<T>(
        self,
        call: impl FnOnce() -> T,
        outcome: impl FnOnce(&T) -> Outcome,
        returned: impl FnOnce(&T) -> Option<Returned>,
    ) -> T {
        let value = call();
        self.end(outcome(&value), returned(&value));
        value
    }

    fn end(self, outcome: Outcome, returned: Option<Returned>) {
        let call = Call {
            kind: self.kind,
            name: self.name,
            arguments: self.arguments,
            outcome,
            returned,
        };
        CALLS.with_borrow_mut(|calls| calls.push(call));
    }
}

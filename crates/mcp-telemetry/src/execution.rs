//! How a traced function inside an observed MCP request finds the span that exists already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use opentelemetry::{Context, KeyValue};
use tracing::Span;
use tracing::span::Id;

use crate::call::{CallKind, Failure};
use crate::errors::Cause;

/// The tool, resource or prompt that the current MCP request executes.
///
/// It travels in the OTel context. It holds no span: the context is kept by the span's
/// own data, and a span that held itself would never end.
#[derive(Debug)]
pub(crate) struct Execution {
    kind: CallKind,
    name: String,
    /// The execution's span, once it is there.
    span: OnceLock<Id>,
    claimed: AtomicBool,
    notes: Mutex<Notes>,
}

/// What a traced function says about the execution that it has claimed.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Attributes of the execution's span, however the request ends.
    pub(crate) attributes: Vec<KeyValue>,
    /// How the function failed. It counts where the request failed too: what an app got
    /// over, or what is the caller's fault, is no failure of the execution.
    pub(crate) failure: Option<Failure>,
    /// The error that it returned.
    pub(crate) cause: Option<Cause>,
}

impl Execution {
    pub(crate) fn new(kind: CallKind, name: &str) -> Arc<Self> {
        Arc::new(Self {
            kind,
            name: name.to_owned(),
            span: OnceLock::new(),
            claimed: AtomicBool::new(false),
            notes: Mutex::default(),
        })
    }

    /// Says which span is the execution's. Without it a claim needs the very name.
    pub(crate) fn runs_in(&self, span: &Span) {
        if let Some(id) = span.id() {
            // The first one stays; there is one span for an execution.
            let _ = self.span.set(id);
        }
    }

    /// The current request's execution, for the first traced function that is it:
    ///
    /// - one of the request's tool or prompt, by its name, at any depth;
    /// - one of another name that runs directly in the execution's span: the app calls its
    ///   function otherwise than its tool;
    /// - for a resource any that reads one: a request names a URI, a function does not.
    pub(crate) fn claim(kind: CallKind, name: &str) -> Option<Arc<Self>> {
        Context::map_current(|cx| {
            let execution = cx.get::<Arc<Self>>()?;
            (execution.is(kind, name) && !execution.claimed.swap(true, Ordering::Relaxed))
                .then(|| Arc::clone(execution))
        })
    }

    fn is(&self, kind: CallKind, name: &str) -> bool {
        self.kind == kind
            && (kind == CallKind::Resource
                || self.name == name
                || self
                    .span
                    .get()
                    .is_some_and(|id| Span::current().id().as_ref() == Some(id)))
    }

    /// Adds an attribute to the execution's span, when that ends.
    pub(crate) fn note(&self, attribute: KeyValue) {
        self.notes().attributes.push(attribute);
    }

    /// Says how the traced function failed.
    pub(crate) fn fail(&self, failure: Failure, cause: Option<Cause>) {
        let mut notes = self.notes();
        notes.failure = Some(failure);
        notes.cause = cause;
    }

    /// How the traced function failed, and the error that it returned: once.
    pub(crate) fn take_failure(&self) -> (Option<Failure>, Option<Cause>) {
        let mut notes = self.notes();
        (notes.failure, notes.cause.take())
    }

    /// What was noted.
    pub(crate) fn take_notes(&self) -> Notes {
        std::mem::take(&mut *self.notes())
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(execution: &Arc<Execution>, kind: CallKind, name: &str) -> bool {
        let _current = Context::new().with_value(Arc::clone(execution)).attach();
        Execution::claim(kind, name).is_some()
    }

    #[test]
    fn the_first_of_kind_and_name_claims_and_nobody_else() {
        let execution = Execution::new(CallKind::Tool, "search");
        for (kind, name) in [
            (CallKind::Tool, "other"),
            (CallKind::Prompt, "search"),
            (CallKind::Splunk, "search"),
        ] {
            assert!(!claims(&execution, kind, name), "{kind:?} {name}");
        }
        assert!(claims(&execution, CallKind::Tool, "search"));
        assert!(!claims(&execution, CallKind::Tool, "search"));
    }

    #[test]
    fn a_resource_is_claimed_whatever_its_function_is_called() {
        let execution = Execution::new(CallKind::Resource, "splunk://indexes");
        assert!(!claims(&execution, CallKind::Tool, "indexes"));
        assert!(claims(&execution, CallKind::Resource, "indexes"));
        assert!(!claims(&execution, CallKind::Resource, "splunk://indexes"));
    }

    #[test]
    fn another_name_claims_directly_in_the_executions_span_alone() {
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("execution");
            let execution = Execution::new(CallKind::Tool, "search");
            execution.runs_in(&span);
            assert!(!claims(&execution, CallKind::Tool, "other"));
            span.in_scope(|| {
                tracing::info_span!("below")
                    .in_scope(|| assert!(!claims(&execution, CallKind::Tool, "other")));
                assert!(!claims(&execution, CallKind::Prompt, "other"));
                assert!(claims(&execution, CallKind::Tool, "other"));
            });
        });
    }

    #[test]
    fn outside_of_a_request_there_is_nothing_to_claim() {
        assert!(Execution::claim(CallKind::Resource, "indexes").is_none());
    }

    #[test]
    fn notes_are_taken_once() {
        let execution = Execution::new(CallKind::Tool, "search");
        execution.note(KeyValue::new("a", 1));
        execution.fail(Failure { kind: "timeout" }, None);
        let notes = execution.take_notes();
        assert_eq!(notes.attributes, [KeyValue::new("a", 1)]);
        assert_eq!(notes.failure.map(Failure::status), Some("timeout"));
        let notes = execution.take_notes();
        assert!(notes.attributes.is_empty() && notes.failure.is_none());
    }
}

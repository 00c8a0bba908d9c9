//! How a traced function inside an observed MCP request finds the span that exists already.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::{Context, KeyValue};

use crate::call::CallKind;

/// The tool, resource or prompt that the current MCP request executes.
///
/// It travels in the OTel context. It holds no span: the context is kept by the span's
/// own data, and a span that held itself would never end.
#[derive(Debug)]
pub(crate) struct Execution {
    kind: CallKind,
    name: String,
    claimed: AtomicBool,
    notes: Mutex<Vec<KeyValue>>,
}

impl Execution {
    pub(crate) fn new(kind: CallKind, name: &str) -> Arc<Self> {
        Arc::new(Self {
            kind,
            name: name.to_owned(),
            claimed: AtomicBool::new(false),
            notes: Mutex::default(),
        })
    }

    /// The current request's execution of just this thing, if nobody has claimed it yet.
    pub(crate) fn claim(kind: CallKind, name: &str) -> Option<Arc<Self>> {
        Context::map_current(|cx| {
            let execution = cx.get::<Arc<Self>>()?;
            let same = execution.kind == kind && execution.name == name;
            (same && !execution.claimed.swap(true, Ordering::Relaxed))
                .then(|| Arc::clone(execution))
        })
    }

    /// Adds an attribute to the execution's span, when that ends.
    pub(crate) fn note(&self, attribute: KeyValue) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(attribute);
    }

    /// What was noted.
    pub(crate) fn take_notes(&self) -> Vec<KeyValue> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

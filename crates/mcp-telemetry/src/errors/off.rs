//! Without Sentry nobody captures errors.

use std::error::Error;

use opentelemetry::Context;
use otel_pipeline::ContextAttributes;

use super::Failed;
use crate::call::CallKind;

#[derive(Debug)]
pub(crate) struct Cause;

impl Cause {
    pub(crate) fn keep<E: Error + ?Sized>(_: &E) {}

    pub(crate) fn take() -> Option<Self> {
        None
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Watch;

impl Watch {
    pub(crate) fn off() -> Self {
        Self
    }

    pub(crate) fn start(_: Option<CallKind>, _: impl FnOnce() -> ContextAttributes) -> Self {
        Self
    }

    pub(crate) fn outside_of_requests(_: CallKind, _: &'static str) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
    pub(crate) fn is_on(&self) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
    pub(crate) fn put_into(&self, context: Context) -> Context {
        context
    }

    #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
    pub(crate) fn has_reported(&self) -> bool {
        false
    }

    #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
    pub(crate) fn failed(&self, _: impl FnOnce() -> Failed) {}
}

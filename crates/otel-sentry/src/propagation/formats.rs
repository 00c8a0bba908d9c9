//! Which formats a propagator speaks.

/// Which headers are read and written; all by default. It serves `OTEL_PROPAGATORS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Formats {
    /// W3C Trace Context: `traceparent` and `tracestate`.
    pub tracecontext: bool,
    /// W3C Baggage: the entries of `baggage` that are not Sentry's.
    pub baggage: bool,
    /// Sentry: `sentry-trace`, and the `sentry-*` entries of `baggage`.
    pub sentry: bool,
}

impl Default for Formats {
    fn default() -> Self {
        Self {
            tracecontext: true,
            baggage: true,
            sentry: true,
        }
    }
}

impl Formats {
    /// No format.
    #[must_use]
    pub fn none() -> Self {
        Self {
            tracecontext: false,
            baggage: false,
            sentry: false,
        }
    }

    /// Switches W3C Trace Context.
    #[must_use]
    pub fn with_tracecontext(mut self, on: bool) -> Self {
        self.tracecontext = on;
        self
    }

    /// Switches W3C Baggage.
    #[must_use]
    pub fn with_baggage(mut self, on: bool) -> Self {
        self.baggage = on;
        self
    }

    /// Switches Sentry's headers.
    #[must_use]
    pub fn with_sentry(mut self, on: bool) -> Self {
        self.sentry = on;
        self
    }
}

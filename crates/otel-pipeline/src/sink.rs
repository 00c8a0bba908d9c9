//! What stands at the end of the pipeline.

use std::sync::Arc;
use std::time::Instant;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

/// A destination of spans.
///
/// All methods run on the pipeline's own thread, never on a request's. None may block
/// longer than a hand-over to the sink's own thread takes, but for [`flush`] and
/// [`shutdown`], which have a deadline. A sink that panics is taken out of the pipeline;
/// the others go on.
///
/// [`flush`]: SpanSink::flush
/// [`shutdown`]: SpanSink::shutdown
pub trait SpanSink: Send + 'static {
    /// What the sink is called in messages and counters.
    fn name(&self) -> &'static str;

    /// Tells the resource of the tracer provider, before the first span.
    fn set_resource(&mut self, resource: &Resource) {
        let _ = resource;
    }

    /// Takes sampled, scrubbed spans, roughly in the order in which they ended.
    fn accept(&mut self, spans: &[Arc<SpanData>]);

    /// Does what is due by time alone; returns when it wants to be called next.
    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let _ = now;
        None
    }

    /// Sends all that was accepted; false where that was not done by `deadline`.
    fn flush(&mut self, deadline: Instant) -> bool;

    /// Flushes and ends what the sink runs; false where not all was sent by `deadline`.
    fn shutdown(&mut self, deadline: Instant) -> bool {
        self.flush(deadline)
    }
}

impl<S: SpanSink + ?Sized> SpanSink for Box<S> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn set_resource(&mut self, resource: &Resource) {
        (**self).set_resource(resource);
    }

    fn accept(&mut self, spans: &[Arc<SpanData>]) {
        (**self).accept(spans);
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        (**self).tick(now)
    }

    fn flush(&mut self, deadline: Instant) -> bool {
        (**self).flush(deadline)
    }

    fn shutdown(&mut self, deadline: Instant) -> bool {
        (**self).shutdown(deadline)
    }
}

//! The hook through which every span passes before any sink sees it.

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;

/// Cleans a span before it leaves the process.
///
/// Runs once per span on the pipeline's thread, before all sinks, so that what one sink
/// gets the other gets. Name, attributes, events, links and status message may be
/// changed. Closures implement it:
///
/// ```
/// use opentelemetry_sdk::trace::SpanData;
/// use otel_pipeline::Scrub;
///
/// fn takes(_: impl Scrub) {}
/// takes(|span: &mut SpanData| span.attributes.retain(|pair| pair.key.as_str() != "password"));
/// ```
pub trait Scrub: Send + 'static {
    /// Changes what must not leave.
    fn scrub(&mut self, span: &mut SpanData);

    /// Changes attributes that many spans inherit from a
    /// [context](crate::ContextAttributes), once for all of them, and says that it did.
    ///
    /// A scrub that does not, as by default, sees them on each of the spans. It then has to
    /// look at the same values again and again, but knows the span.
    fn scrub_inherited(&mut self, attributes: &mut Vec<KeyValue>) -> bool {
        let _ = attributes;
        false
    }
}

impl<F: FnMut(&mut SpanData) + Send + 'static> Scrub for F {
    fn scrub(&mut self, span: &mut SpanData) {
        self(span);
    }
}

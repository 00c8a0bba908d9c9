//! The propagator: which header wins, what goes into the context, what goes out.

use std::collections::BTreeMap;

use opentelemetry::Context;
use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceId, TraceState};
use sentry::TracePropagationContext;

use super::Formats;
use super::sentry_trace::{self, SENTRY_TRACE, SentryTrace};
use super::trace_context::{self, TRACEPARENT, TRACESTATE};
use super::{baggage, randomness};
use crate::dsc::{DscDefaults, DynamicSamplingContext, FrozenDsc, PREFIX, decimal};

const BAGGAGE: &str = "baggage";

/// Reads and writes W3C Trace Context, W3C Baggage and Sentry's headers as one.
///
/// Of two valid parents, W3C's wins. What comes in goes into the [`Context`] four ways:
///
/// - the remote span context, with flags and tracestate, the parent of the next span;
/// - a [`FrozenDsc`], if the parent came with one;
/// - a [`TracePropagationContext`], so that the Sentry SDK keeps the link to the parent;
/// - OpenTelemetry's baggage, without the `sentry-*` entries.
///
/// Going out, foreign and `sentry-*` entries share one `baggage` header. Malformed headers count as
/// absent, and reading never panics.
///
/// ```
/// use std::collections::HashMap;
///
/// use opentelemetry::Context;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
/// use otel_sentry::propagation::{DscDefaults, TracePropagator};
///
/// let propagator = TracePropagator::new().with_dsc_defaults(DscDefaults::new("0123456789abcdef"));
///
/// let incoming = HashMap::from([(
///     "traceparent".to_owned(),
///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
/// )]);
/// let cx = propagator.extract_with_context(&Context::new(), &incoming);
/// assert!(cx.span().span_context().is_remote());
///
/// let mut outgoing = HashMap::new();
/// propagator.inject_context(&cx, &mut outgoing);
/// assert_eq!(
///     outgoing["sentry-trace"],
///     "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"
/// );
/// assert!(outgoing["baggage"].contains("sentry-public_key=0123456789abcdef"));
/// ```
#[derive(Clone, Debug)]
pub struct TracePropagator {
    formats: Formats,
    fields: Vec<String>,
    defaults: Option<DscDefaults>,
    strict: bool,
    deferred_rate: u32,
}

impl Default for TracePropagator {
    fn default() -> Self {
        Self::new()
    }
}

impl TracePropagator {
    /// A propagator of all formats. Without [`Self::with_dsc_defaults`] it passes a dynamic
    /// sampling context on but never begins one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            formats: Formats::none(),
            fields: Vec::new(),
            defaults: None,
            strict: false,
            deferred_rate: randomness::MILLION,
        }
        .with_formats(Formats::default())
    }

    /// Chooses the formats.
    #[must_use]
    pub fn with_formats(mut self, formats: Formats) -> Self {
        self.formats = formats;
        self.fields = [
            (TRACEPARENT, formats.tracecontext),
            (TRACESTATE, formats.tracecontext),
            (SENTRY_TRACE, formats.sentry),
            (BAGGAGE, formats.baggage || formats.sentry),
        ]
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(field, _)| field.to_owned())
        .collect();
        self
    }

    /// What the dynamic sampling context says of traces that begin here. Its organization is also
    /// what an incoming trace's organization is compared with.
    #[must_use]
    pub fn with_dsc_defaults(mut self, defaults: DscDefaults) -> Self {
        self.defaults = Some(defaults);
        self
    }

    /// Whether a Sentry trace is continued only if both sides say the same organization. Without
    /// it, the default, a side that says none matches. Two that differ never match. Traces that
    /// come with W3C headers alone are not asked.
    #[must_use]
    pub fn with_strict_continuation(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// The rate, from 0 to 1, at which traces are kept whose head left the decision to the receiver
    /// (`sentry-trace` without its last part). An OpenTelemetry parent is sampled or not, so it is
    /// decided here, by the same formula as a consistent sampler's. One by default; a number that
    /// is no rate changes nothing.
    #[must_use]
    pub fn with_deferred_rate(mut self, rate: f64) -> Self {
        self.deferred_rate = randomness::to_ppm(rate).unwrap_or(self.deferred_rate);
        self
    }

    /// The remote parent and what belongs to it.
    fn remote(&self, extractor: &dyn Extractor, headers: &[&str]) -> Option<Remote> {
        let w3c = self.formats.tracecontext.then(|| w3c(extractor)).flatten();
        let sentry = self.formats.sentry.then(|| sentry(extractor)).flatten();
        let trace_id = w3c.as_ref().map_or_else(
            || sentry.map(|sentry| sentry.trace_id),
            |context| Some(context.trace_id()),
        )?;
        let mut dsc = self
            .formats
            .sentry
            .then(|| frozen(headers, trace_id, sentry))
            .flatten();
        let org = dsc.as_ref().and_then(|dsc| dsc.get("org_id"));
        if dsc.is_some() && !self.continues(org) {
            return None;
        }
        let context = match (w3c, sentry) {
            (Some(context), _) => context,
            (None, Some(sentry)) => self.of_sentry(sentry, dsc.as_mut()),
            (None, None) => return None,
        };
        Some(Remote { context, dsc })
    }

    /// Sentry's table of organizations, "Trace Propagation".
    fn continues(&self, incoming: Option<&str>) -> bool {
        let own = self.defaults.as_ref().and_then(|own| own.org_id.as_deref());
        match (incoming, own) {
            (Some(incoming), Some(own)) => incoming == own,
            (None, None) => true,
            _ => !self.strict,
        }
    }

    /// A span context of `sentry-trace` alone. The `ot` entry of its tracestate carries Sentry's
    /// random number and rate on to those who sample by OpenTelemetry's rule.
    fn of_sentry(
        &self,
        sentry: SentryTrace,
        mut dsc: Option<&mut DynamicSamplingContext>,
    ) -> SpanContext {
        let bare = SpanContext::new(
            sentry.trace_id,
            sentry.span_id,
            TraceFlags::NOT_SAMPLED,
            true,
            TraceState::NONE,
        );
        let said = dsc.as_ref().and_then(|dsc| dsc.ppm("sample_rand"));
        let said = said.filter(|&rand| rand < randomness::MILLION);
        let randomness = match said {
            Some(rand) => randomness::of_sample_rand(rand),
            None => randomness::randomness(&bare),
        };
        let rand = randomness::sample_rand(randomness);
        let (sampled, rate) = match sentry.sampled {
            Some(sampled) => (sampled, dsc.as_ref().and_then(|dsc| dsc.ppm("sample_rate"))),
            None => {
                let sampled = rand < self.deferred_rate;
                if let Some(dsc) = dsc.as_mut().filter(|dsc| !dsc.is_empty()) {
                    dsc.fill("sample_rate", &decimal(self.deferred_rate));
                    dsc.fill("sample_rand", &format!("0.{rand:06}"));
                    dsc.fill("sampled", if sampled { "true" } else { "false" });
                }
                (sampled, Some(self.deferred_rate))
            }
        };
        // A threshold that the random number does not reach would be of another decision.
        let rate = rate.filter(|&rate| sampled && rand < rate);
        let state = (said.is_some() || rate.is_some())
            .then(|| TraceState::from_key_value([randomness::ot_entry(randomness, rate)]).ok())
            .flatten();
        SpanContext::new(
            sentry.trace_id,
            sentry.span_id,
            TraceFlags::NOT_SAMPLED.with_sampled(sampled),
            true,
            state.unwrap_or_default(),
        )
    }
}

/// A remote parent.
struct Remote {
    context: SpanContext,
    dsc: Option<DynamicSamplingContext>,
}

impl Remote {
    /// The parent as the Sentry SDK knows it.
    fn for_sentry(&self) -> TracePropagationContext {
        let org = self.dsc.as_ref().and_then(|dsc| dsc.get("org_id"));
        // An organization can only be given by headers.
        let with_org = org.and_then(|org| {
            let mut entry = format!("{PREFIX}org_id=");
            baggage::encode(org, &mut entry);
            let trace = sentry_trace::format(&self.context);
            let headers = [(SENTRY_TRACE, trace.as_str()), (BAGGAGE, entry.as_str())];
            TracePropagationContext::try_from_headers(headers).ok()
        });
        with_org.unwrap_or_else(|| {
            TracePropagationContext::new(
                self.context.trace_id().to_bytes().into(),
                self.context.span_id().to_bytes().into(),
            )
            .with_sampled(self.context.is_sampled())
        })
    }
}

/// Two `traceparent` headers are no parent.
fn w3c(extractor: &dyn Extractor) -> Option<SpanContext> {
    match extractor.get_all(TRACEPARENT)?.as_slice() {
        [one] => {
            let state = extractor.get_all(TRACESTATE).unwrap_or_default();
            trace_context::parse(one, &state)
        }
        _ => None,
    }
}

/// The dynamic sampling context that belongs to the trace. A trace that Sentry began without
/// entries is frozen empty, since its head is elsewhere.
fn frozen(
    headers: &[&str],
    trace_id: TraceId,
    sentry: Option<SentryTrace>,
) -> Option<DynamicSamplingContext> {
    let is_sentrys = sentry.is_some_and(|sentry| sentry.trace_id == trace_id);
    DynamicSamplingContext::from_baggage(headers.iter().copied())
        .filter(|dsc| match dsc.get("trace_id") {
            Some(id) => id.eq_ignore_ascii_case(&trace_id.to_string()),
            None => is_sentrys,
        })
        .or_else(|| is_sentrys.then(DynamicSamplingContext::new))
}

fn sentry(extractor: &dyn Extractor) -> Option<SentryTrace> {
    let headers = extractor.get_all(SENTRY_TRACE)?;
    headers.into_iter().find_map(sentry_trace::parse)
}

impl TextMapPropagator for TracePropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        let context = span.span_context();
        let mut header = baggage::Builder::default();
        if context.is_valid() {
            if self.formats.tracecontext {
                injector.set(TRACEPARENT, trace_context::format(context));
                if let Some(state) = trace_context::format_state(context.trace_state()) {
                    injector.set(TRACESTATE, state);
                }
            }
            if self.formats.sentry {
                injector.set(SENTRY_TRACE, sentry_trace::format(context));
                let frozen = FrozenDsc::from_context(cx);
                if let Some(frozen) = frozen.and_then(|frozen| frozen.baggage_for(context)) {
                    frozen.split(',').for_each(|entry| header.add(entry));
                } else if let Some(defaults) = &self.defaults {
                    let dsc = DynamicSamplingContext::of_context(context, defaults);
                    dsc.to_baggage()
                        .split(',')
                        .for_each(|entry| header.add(entry));
                }
            }
        }
        if self.formats.baggage {
            // Sorted, since the order of a hash map would make equal headers differ.
            let sorted: BTreeMap<_, _> = cx
                .baggage()
                .iter()
                .map(|(key, value)| (key.as_str(), value))
                .collect();
            for (key, (value, metadata)) in sorted {
                if self.formats.sentry && key.starts_with(PREFIX) {
                    continue;
                }
                let mut entry = format!("{key}=");
                baggage::encode(value.as_str(), &mut entry);
                let properties = metadata.as_str();
                if !properties.is_empty() && baggage::are_properties(properties) {
                    entry.push(';');
                    entry.push_str(properties);
                }
                header.add(&entry);
            }
        }
        if let Some(header) = header.finish() {
            injector.set(BAGGAGE, header);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let headers = match self.formats.baggage || self.formats.sentry {
            true => extractor.get_all(BAGGAGE).unwrap_or_default(),
            false => Vec::new(),
        };
        let mut cx = cx.clone();
        if let Some(remote) = self.remote(extractor, &headers) {
            if self.formats.sentry {
                cx = cx.with_value(remote.for_sentry());
            }
            if let Some(dsc) = &remote.dsc {
                cx = cx.with_value(FrozenDsc::of_remote(&remote.context, dsc));
            }
            cx = cx.with_remote_span_context(remote.context);
        }
        if self.formats.baggage && !headers.is_empty() {
            let foreign = baggage::entries(headers)
                .filter(|entry| !(self.formats.sentry && entry.key.starts_with(PREFIX)))
                .map(|entry| {
                    KeyValueMetadata::new(entry.key.to_owned(), entry.value, entry.properties)
                });
            cx = cx.with_baggage(foreign);
        }
        cx
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

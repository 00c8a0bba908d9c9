//! Sentry's dynamic sampling context: what the head of a trace says of it to everyone after.
//!
//! Source: Sentry's SDK development documentation, "Dynamic Sampling Context". The head builds it;
//! everyone else passes on what came in, unchanged ("frozen"). A frozen one travels in the
//! OpenTelemetry [`Context`] and then with the local root span, as one attribute.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::convert::Known;
use crate::convert::description::transaction_name;
use crate::propagation::baggage;
use crate::propagation::randomness::{self, MILLION};

/// The attribute in which a frozen context travels on the local root span.
pub(crate) const DSC_ATTRIBUTE: &str = "sentry.dsc";
/// The attribute in which a sampler notes the rate at which it kept a local root.
pub(crate) const RATE_ATTRIBUTE: &str = "sampling.rate";
/// What a baggage key of Sentry begins with.
pub(crate) const PREFIX: &str = "sentry-";
/// The most keys that are of our making.
const KEYS: usize = 9;

/// What one process says of itself in every dynamic sampling context that it builds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DscDefaults {
    /// The public key of the DSN.
    pub public_key: String,
    /// The organization of the DSN's host (`o<ID>.`), if known.
    pub org_id: Option<String>,
    /// The release.
    pub release: Option<String>,
    /// The environment.
    pub environment: Option<String>,
}

impl DscDefaults {
    /// Defaults with a public key only.
    #[must_use]
    pub fn new(public_key: impl Into<String>) -> Self {
        Self {
            public_key: public_key.into(),
            ..Self::default()
        }
    }

    /// Sets the organization that the DSN's host names, as `o1234.ingest.sentry.io` does.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        self.org_id = organization(host).map(str::to_owned);
        self
    }

    /// Sets the organization.
    #[must_use]
    pub fn with_org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = Some(org_id.into());
        self
    }

    /// Sets the release.
    #[must_use]
    pub fn with_release(mut self, release: impl Into<String>) -> Self {
        self.release = Some(release.into());
        self
    }

    /// Sets the environment.
    #[must_use]
    pub fn with_environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }
}

/// The organization in a host such as `o1234.ingest.sentry.io`.
fn organization(host: &str) -> Option<&str> {
    let (first, _) = host.split_once('.')?;
    let id = first.strip_prefix('o')?;
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(id)
}

/// A dynamic sampling context: text values by key, in the order of arrival, each key once.
///
/// The keys that Sentry knows are `trace_id`, `public_key`, `sample_rate`, `sample_rand`,
/// `sampled`, `release`, `environment`, `transaction` and `org_id`. Others are kept and passed on.
/// It serializes to the JSON object that is the `trace` header of an envelope.
///
/// ```
/// use otel_sentry::propagation::DynamicSamplingContext;
///
/// let header = "vendor=1,sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-release=app%401.0";
/// let dsc = DynamicSamplingContext::from_baggage([header]).expect("it has entries of Sentry");
/// assert_eq!(dsc.get("release"), Some("app@1.0"));
/// assert_eq!(
///     dsc.to_baggage(),
///     "sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-release=app%401.0"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DynamicSamplingContext {
    entries: Vec<(Cow<'static, str>, String)>,
}

impl DynamicSamplingContext {
    /// An empty context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value; `key` without the prefix `sentry-`.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.set(key.into(), value.into());
        self
    }

    /// The value of a key without the prefix `sentry-`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|(found, _)| found == key)
            .map(|(_, value)| value.as_str())
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether it can be the `trace` header of an envelope, which must say a trace and a key.
    #[must_use]
    pub fn is_sendable(&self) -> bool {
        self.get("trace_id").is_some() && self.get("public_key").is_some()
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(key, value)| (&**key, value.as_str()))
    }

    /// Reads the `sentry-*` entries of `baggage` headers; others are skipped, and so is what is
    /// malformed. `None` without any. Of several with one key the first counts.
    #[must_use]
    pub fn from_baggage<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut dsc = Self::new();
        for entry in baggage::entries(headers) {
            if let Some(key) = entry.key.strip_prefix(PREFIX) {
                dsc.fill(key, &entry.value);
            }
        }
        (!dsc.is_empty()).then_some(dsc)
    }

    /// The entries in the form of a `baggage` header, values percent-encoded.
    #[must_use]
    pub fn to_baggage(&self) -> String {
        let mut header = String::new();
        for (key, value) in self.iter() {
            if !header.is_empty() {
                header.push(',');
            }
            header.push_str(PREFIX);
            baggage::encode(key, &mut header);
            header.push('=');
            baggage::encode(value, &mut header);
        }
        header
    }

    /// The context of the trace to which a finished local root belongs.
    ///
    /// A frozen one that came with the root wins. Else it is built: the rate is the root's
    /// attribute `sampling.rate`, or follows from `th` in its tracestate, or is left out when
    /// neither tells; `sample_rand` follows from the trace's randomness, below the rate; `sampled`
    /// is `true`, since only sampled spans are exported.
    #[must_use]
    pub fn of_root(root: &SpanData, defaults: &DscDefaults) -> Self {
        if let Some(frozen) = Self::from_attributes(&root.attributes) {
            return frozen;
        }
        let context = &root.span_context;
        let noted = root
            .attributes
            .iter()
            .rev()
            .find(|attribute| attribute.key.as_str() == RATE_ATTRIBUTE)
            .and_then(|attribute| match attribute.value {
                Value::F64(rate) => randomness::to_ppm(rate),
                _ => None,
            })
            .filter(|&rate| rate > 0);
        let rate = noted.or_else(|| randomness::rate(context));
        let name = transaction_name(root, &Known::of(&root.attributes)).name;
        Self::build(context, rate, true, defaults).with("transaction", name)
    }

    /// The context of a trace whose head this process is, by what its span context tells.
    pub(crate) fn of_context(context: &SpanContext, defaults: &DscDefaults) -> Self {
        let rate = randomness::rate(context);
        Self::build(context, rate, context.is_sampled(), defaults)
    }

    fn build(
        context: &SpanContext,
        rate: Option<u32>,
        sampled: bool,
        defaults: &DscDefaults,
    ) -> Self {
        let mut rand = randomness::sample_rand(randomness::randomness(context));
        // Sentry's invariant: `sample_rand < sample_rate` if and only if sampled. A rate that is
        // not in whole parts per million was rounded and can miss it by one.
        if let Some(rate) = rate {
            rand = if sampled {
                rand.min(rate.saturating_sub(1))
            } else {
                rand.max(rate.min(MILLION - 1))
            };
        }
        let mut dsc = Self {
            entries: Vec::with_capacity(KEYS),
        };
        dsc = dsc
            .with("trace_id", context.trace_id().to_string())
            .with("public_key", defaults.public_key.clone());
        if let Some(rate) = rate {
            dsc = dsc.with("sample_rate", decimal(rate));
        }
        dsc = dsc
            .with("sample_rand", format!("0.{rand:06}"))
            .with("sampled", if sampled { "true" } else { "false" });
        for (key, value) in [
            ("release", &defaults.release),
            ("environment", &defaults.environment),
            ("org_id", &defaults.org_id),
        ] {
            if let Some(value) = value {
                dsc = dsc.with(key, value.clone());
            }
        }
        dsc
    }

    /// The frozen context among a local root's attributes: the inverse of
    /// [`FrozenDsc::attribute`]. An empty one is found as empty.
    #[must_use]
    pub fn from_attributes(attributes: &[KeyValue]) -> Option<Self> {
        let attribute = attributes
            .iter()
            .rev()
            .find(|attribute| attribute.key.as_str() == DSC_ATTRIBUTE)?;
        let Value::String(text) = &attribute.value else {
            return None;
        };
        Some(Self::from_baggage([text.as_str()]).unwrap_or_default())
    }

    /// A number from zero to one in parts per million.
    pub(crate) fn ppm(&self, key: &str) -> Option<u32> {
        randomness::to_ppm(self.get(key)?.parse().ok()?)
    }

    /// Sets a value unless the key has one.
    pub(crate) fn fill(&mut self, key: &str, value: &str) {
        if self.get(key).is_none() {
            self.entries
                .push((Cow::Owned(key.to_owned()), value.to_owned()));
        }
    }

    fn set(&mut self, key: Cow<'static, str>, value: String) {
        match self.entries.iter_mut().find(|(found, _)| *found == key) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key, value)),
        }
    }
}

impl Serialize for DynamicSamplingContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A dynamic sampling context that came in from outside, as a value in an OpenTelemetry
/// [`Context`]. It is of one trace only.
///
/// It is passed on unchanged as long as the decision is that with which it came. A sampler that
/// overrules the remote parent makes it another trace for Sentry too: see [`Self::baggage_for`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenDsc {
    trace_id: TraceId,
    baggage: Arc<str>,
    /// The decision with which it came, if that is known.
    decision: Option<Decision>,
}

/// Whether a trace is sampled, and its rate in parts per million, if its state tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decision {
    sampled: bool,
    rate: Option<u32>,
}

impl Decision {
    fn of(context: &SpanContext) -> Self {
        let sampled = context.is_sampled();
        let rate = randomness::rate(context).filter(|_| sampled);
        Self { sampled, rate }
    }
}

impl FrozenDsc {
    /// Freezes what came in with a trace.
    #[must_use]
    pub fn new(trace_id: TraceId, dsc: &DynamicSamplingContext) -> Self {
        Self {
            trace_id,
            baggage: dsc.to_baggage().into(),
            decision: None,
        }
    }

    /// Freezes what came in with this remote parent.
    #[must_use]
    pub fn of_remote(parent: &SpanContext, dsc: &DynamicSamplingContext) -> Self {
        Self {
            decision: Some(Decision::of(parent)),
            ..Self::new(parent.trace_id(), dsc)
        }
    }

    /// The frozen context of the trace to which the span in `cx` belongs. One of another trace, left
    /// from an outer context, is not it.
    #[must_use]
    pub fn from_context(cx: &Context) -> Option<&Self> {
        let trace_id = cx.span().span_context().trace_id();
        cx.get::<Self>()
            .filter(|frozen| frozen.trace_id == trace_id)
    }

    /// The entries in the form of a `baggage` header.
    #[must_use]
    pub fn baggage(&self) -> &str {
        &self.baggage
    }

    /// What holds for a span below the remote parent, in the form of a `baggage` header:
    ///
    /// - the entries as they came, if the span was decided on as its remote parent was;
    /// - the entries with another `sample_rate`, if a sampler has kept what its parent had kept, but
    ///   at another rate;
    /// - `None`, if it decided otherwise. Then the trace has a context of our own.
    #[must_use]
    pub fn baggage_for(&self, span: &SpanContext) -> Option<Arc<str>> {
        let now = Decision::of(span);
        let Some(then) = self.decision else {
            return Some(Arc::clone(&self.baggage));
        };
        if then.sampled != now.sampled {
            return None;
        }
        match now.rate {
            // An empty one stays empty: the head of the trace is elsewhere.
            Some(rate) if then.rate != now.rate && !self.baggage.is_empty() => {
                let dsc = DynamicSamplingContext::from_baggage([&*self.baggage])?;
                Some(dsc.with("sample_rate", decimal(rate)).to_baggage().into())
            }
            _ => Some(Arc::clone(&self.baggage)),
        }
    }

    /// The attribute by which it travels with a local root span to the exporter, if it still holds
    /// for that span. `cx` is the context of the root's parent.
    #[must_use]
    pub fn attribute_for(cx: &Context, root: &SpanContext) -> Option<KeyValue> {
        let baggage = Self::from_context(cx)?.baggage_for(root)?;
        Some(KeyValue::new(DSC_ATTRIBUTE, StringValue::from(baggage)))
    }

    /// The attribute by which it travels with a local root span to the exporter. A span processor
    /// sets it in `on_start`, where `cx` is the root's parent. `None` without a frozen context of
    /// the same trace. It costs no copy of the text. Whether a sampler has overruled the parent is
    /// not looked at: see [`Self::attribute_for`].
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use opentelemetry::Context;
    /// use opentelemetry::propagation::TextMapPropagator;
    /// use otel_sentry::propagation::{DynamicSamplingContext, FrozenDsc, TracePropagator};
    ///
    /// let headers: HashMap<String, String> = [
    ///     ("sentry-trace", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"),
    ///     ("baggage", "sentry-trace_id=0af7651916cd43dd8448eb211c80319c,sentry-sample_rate=0.5"),
    /// ]
    /// .map(|(key, value)| (key.to_owned(), value.to_owned()))
    /// .into();
    /// let cx = TracePropagator::new().extract_with_context(&Context::new(), &headers);
    ///
    /// let attribute = FrozenDsc::attribute(&cx).expect("the trace came with a frozen context");
    /// let dsc = DynamicSamplingContext::from_attributes(&[attribute]).expect("it is there");
    /// assert_eq!(dsc.get("sample_rate"), Some("0.5"));
    /// ```
    #[must_use]
    pub fn attribute(cx: &Context) -> Option<KeyValue> {
        let frozen = Self::from_context(cx)?;
        let text = StringValue::from(Arc::clone(&frozen.baggage));
        Some(KeyValue::new(DSC_ATTRIBUTE, text))
    }
}

/// Makes the sampling context on a local root say that the trace was kept with certainty, for hooks
/// that keep traces at their end. It belongs to an attribute `sampling.rate` of 1.
///
/// One that came in keeps its other entries if it was sampled. Else it is taken off, so that the
/// transaction has one of its own.
pub fn keep_whole(root: &mut SpanData) {
    let Some(dsc) = DynamicSamplingContext::from_attributes(&root.attributes) else {
        return;
    };
    let is_it = |attribute: &KeyValue| attribute.key.as_str() == DSC_ATTRIBUTE;
    root.attributes.retain(|attribute| !is_it(attribute));
    if dsc.get("sampled") != Some("false") && !dsc.is_empty() {
        let dsc = dsc.with("sample_rate", "1").with("sampled", "true");
        let value = KeyValue::new(DSC_ATTRIBUTE, dsc.to_baggage());
        root.attributes.push(value);
    }
}

/// Parts per million as a number from 0 to 1 without needless zeros.
pub(crate) fn decimal(ppm: u32) -> String {
    if ppm >= MILLION {
        return "1".to_owned();
    }
    let digits = format!("{ppm:06}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        "0".to_owned()
    } else {
        format!("0.{digits}")
    }
}

#[cfg(test)]
mod tests;

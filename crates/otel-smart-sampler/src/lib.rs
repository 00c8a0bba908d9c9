//! A rule-based, parent-aware, consistent-probability sampler for OpenTelemetry.
//!
//! [`SmartSampler`] is a `ShouldSample` of the OpenTelemetry SDK. It has an ordered list of
//! [`Rule`]s, each with conditions and a rate, and a base rate for everything else.
//!
//! ```
//! use opentelemetry::trace::{SpanKind, Tracer, TracerProvider};
//! use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
//! use otel_smart_sampler::{Match, Pattern, Rule, RuleRate, SampleRate, SmartSampler};
//!
//! let sampler = SmartSampler::builder()
//!     .base_rate(SampleRate::new(0.2)?)
//!     .rule(
//!         Rule::new("health")
//!             .kind(SpanKind::Server)
//!             .attribute("http.route", Match::equals("/health"))
//!             .rate(SampleRate::new(0.01)?),
//!     )
//!     .rule(Rule::new("jobs").name(Pattern::prefix("job ")).rate(RuleRate::Always))
//!     .rule(Rule::new("search").name(Pattern::glob("* /search*")).rate(RuleRate::TimesBase(1.5)))
//!     .build()?;
//!
//! let exporter = InMemorySpanExporter::default();
//! let provider = SdkTracerProvider::builder()
//!     .with_sampler(sampler)
//!     .with_simple_exporter(exporter.clone())
//!     .build();
//! provider.tracer("app").in_span("job clean-up", |_| ());
//!
//! let spans = exporter.get_finished_spans()?;
//! assert_eq!(spans[0].span_context.trace_state().header(), "ot=th:0");
//! assert_eq!(spans[0].attributes[0].value.as_str(), "jobs"); // sampling.rule
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it decides
//!
//! | the span's parent | decision | `tracestate` | attributes |
//! |---|---|---|---|
//! | local | the parent's sampled flag | the parent's, unchanged | none |
//! | remote, sampled | sampled | the parent's; `th` erased if it contradicts the flag | `sampling.rule=parent` |
//! | remote, not sampled | not sampled | the parent's without `th` | none |
//! | remote, and the first matching rule says [`keep_despite_parent`](Rule::keep_despite_parent) | sampled if the parent is or the rule's rate says so | the parent's, with the lower `th` of the two | those of the more generous of the two |
//! | none, or an invalid one | the rate of the first matching rule, else the base rate | `ot=th:…` if sampled | rule and rate if sampled |
//!
//! So rules are asked only for *local roots*, the first spans of a trace in this process. They see
//! what the span has when it starts: name, kind and attributes. [`RemoteParents`] turns the third
//! and fourth rows off, or remote parents altogether. A span with the invalid trace id 0 is
//! dropped.
//!
//! A span that is not sampled is dropped, unless the sampler was built with
//! [`record_unsampled`](SmartSamplerBuilder::record_unsampled): then it is recorded, and so are its
//! local descendants, for a span processor that can still find that the trace matters.
//!
//! # What it writes
//!
//! A sampled local root gets the attribute [`SAMPLING_RULE`] and, when a rate of ours was applied,
//! [`SAMPLING_RATE`]. Exporters and back ends read the rate to extrapolate: a span kept at rate `p`
//! stands for `1 / p` spans. A followed remote parent has no rate of ours; its `th` tells the rate,
//! see [`Threshold::rate`](consistency::Threshold::rate).
//!
//! The decision is a pure function of the trace's randomness and the rate, so services agree on
//! which traces to keep; [`consistency`] has the formulae, also for bridges to Sentry.
//!
//! # Limits
//!
//! [`Rule::at_most`] limits the traces a second of one rule. Its rate falls when more come in, and
//! `th` and [`SAMPLING_RATE`] say the rate that was applied to the very trace.
//!
//! # Rules as text
//!
//! [`Rule::parse`] reads rules from text, for settings and files:
//!
//! ```
//! use otel_smart_sampler::Rule;
//!
//! let rules = Rule::parse(
//!     "health: kind=server, http.route=/health|/ready* -> 1%   # probes
//!      jobs:   name=job *                              -> 1.5x, max 20/s
//!      debug:  app.debug                               -> always, despite-parent",
//! )?;
//! assert_eq!(rules.len(), 3);
//! # Ok::<(), otel_smart_sampler::ParseError>(())
//! ```
//!
//! # Changing rules
//!
//! A [`SamplerHandle`] replaces the rules of a sampler at work. Decisions read them without a lock.
//!
//! # Counting
//!
//! A [`SamplerObserver`] hears of each decision on a local root. [`SamplingCounts`] is a ready one.
//!
//! # Where things are
//!
//! - [`SmartSampler`], [`SmartSamplerBuilder`], [`BuildError`]: the sampler;
//! - [`SamplerHandle`]: other rules at run time;
//! - [`Rule`], [`Pattern`], [`Match`], [`RemoteParents`]: conditions;
//! - [`ParseError`], [`ParseProblem`]: what is wrong with rules as text;
//! - [`SampleRate`], [`RuleRate`]: rates;
//! - [`SamplerObserver`], [`Decision`], [`SamplingCounts`]: watching it;
//! - [`consistency`]: the formulae and the `ot` entry.

mod attribute;
mod builder;
pub mod consistency;
mod counts;
mod limit;
mod observer;
mod parents;
mod pattern;
mod policy;
mod rate;
mod rule;
mod sampler;
mod text;

pub use attribute::Match;
pub use builder::{BuildError, RuleProblem, SmartSamplerBuilder};
pub use counts::{RuleCount, SamplingCounts};
pub use observer::{Decision, DecisionReason, SamplerObserver};
pub use parents::RemoteParents;
pub use pattern::Pattern;
pub use rate::{RuleRate, SampleRate, SampleRateError};
pub use rule::Rule;
pub use sampler::{SamplerHandle, SmartSampler};
pub use text::{ParseError, ParseProblem};

/// Attribute of a local root that is sampled, or recorded without being sampled: the name of the
/// rule that decided, [`RULE_BASE`] or [`RULE_PARENT`]. A string.
pub const SAMPLING_RULE: &str = "sampling.rule";
/// Attribute of a sampled local root to which a rate of ours was applied: that rate, above 0 up to
/// 1. A float.
pub const SAMPLING_RATE: &str = "sampling.rate";
/// The [`SAMPLING_RULE`] of spans that no rule matched.
pub const RULE_BASE: &str = "base";
/// The [`SAMPLING_RULE`] of spans that follow a remote parent.
pub const RULE_PARENT: &str = "parent";

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

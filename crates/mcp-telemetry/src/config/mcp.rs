//! How traces cross processes: propagators, and the parent of an MCP request.

use super::reader::{Reader, shown, uses_default};
use super::variables::names;

/// A format of trace context in headers and in `_meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Propagator {
    /// W3C Trace Context: `traceparent`, `tracestate`.
    TraceContext,
    /// W3C Baggage: `baggage`.
    Baggage,
    /// Sentry: `sentry-trace`, and `sentry-` entries of `baggage`.
    Sentry,
}

/// All of them, in the order of the default.
const DEFAULT_PROPAGATORS: [Propagator; 3] = [
    Propagator::TraceContext,
    Propagator::Baggage,
    Propagator::Sentry,
];

/// How MCP requests are traced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct McpConfig {
    /// `MCP_TELEMETRY_MCP_PARENT`: which context is the parent of a request's span.
    pub parent: McpParent,
    /// `MCP_TELEMETRY_NOTIFICATIONS`: which notifications have a span.
    pub notifications: Notifications,
    /// `MCP_TELEMETRY_RESULT_TRACE_ID`: whether results tell the client, as `traceparent` in
    /// their `_meta`, which span they came from.
    pub result_trace_id: bool,
}

/// Which notifications have a span. Every one of them counts for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[repr(u8)]
pub enum Notifications {
    /// All but `notifications/progress` and `notifications/message`, of which there are many.
    #[default]
    Significant,
    /// All.
    All,
    /// None.
    None,
}

/// Which of two contexts is the parent of an MCP request's span. The other becomes a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum McpParent {
    /// `params._meta`, or without one the span of the HTTP request (OpenTelemetry semantic conventions for MCP).
    #[default]
    MetaFirst,
    /// The span of the HTTP request, or without one `params._meta`. For gateways that never see the client's half.
    AmbientFirst,
}

impl McpConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            parent: reader.one_of(
                &names::MCP_TELEMETRY_MCP_PARENT,
                &[
                    ("meta-first", McpParent::MetaFirst),
                    ("ambient-first", McpParent::AmbientFirst),
                ],
                McpParent::MetaFirst,
            ),
            notifications: reader.one_of(
                &names::MCP_TELEMETRY_NOTIFICATIONS,
                &[
                    ("significant", Notifications::Significant),
                    ("all", Notifications::All),
                    ("none", Notifications::None),
                ],
                Notifications::Significant,
            ),
            result_trace_id: reader.switch(&names::MCP_TELEMETRY_RESULT_TRACE_ID, false),
        }
    }
}

/// What is no host is left out.
pub(super) fn read_targets(reader: &mut Reader<'_>) -> Vec<String> {
    let variable = &names::MCP_TELEMETRY_PROPAGATION_TARGETS;
    let mut targets = reader.list(variable).unwrap_or_default();
    let is_host = |c: char| c.is_alphanumeric() || "-._:*?[]".contains(c);
    targets.retain(|target| {
        let is_fine = target.chars().all(is_host);
        if !is_fine {
            let problem = format!("{} is no host", shown(target));
            reader.report(variable, problem, "the others are used");
        }
        is_fine
    });
    targets
}

/// Unknown names are left out; when none is left, the default holds.
pub(super) fn read_propagators(reader: &mut Reader<'_>) -> Vec<Propagator> {
    let variable = &names::OTEL_PROPAGATORS;
    let Some(items) = reader.list(variable) else {
        return DEFAULT_PROPAGATORS.to_vec();
    };
    let mut propagators = Vec::new();
    let mut wrong = Vec::new();
    for item in &items {
        let propagator = match item.to_ascii_lowercase().as_str() {
            "tracecontext" => Propagator::TraceContext,
            "baggage" => Propagator::Baggage,
            "sentry" => Propagator::Sentry,
            "none" if items.len() == 1 => return Vec::new(),
            "none" => {
                wrong.push((item, "cannot stand beside another propagator"));
                continue;
            }
            _ => {
                wrong.push((item, "is not a known propagator"));
                continue;
            }
        };
        if !propagators.contains(&propagator) {
            propagators.push(propagator);
        }
    }
    let fallback = if propagators.is_empty() {
        propagators.extend(DEFAULT_PROPAGATORS);
        uses_default(variable)
    } else {
        "the others are used".to_owned()
    };
    for (item, problem) in wrong {
        reader.report(
            variable,
            format!("{} {problem}", shown(item)),
            fallback.clone(),
        );
    }
    propagators
}

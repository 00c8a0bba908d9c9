//! The spans that this crate makes, and which attributes each has when.
//!
//! One table: `ATTRIBUTES.md` is made from it ([`markdown`]), and the end-to-end tests hold
//! what arrives at Sentry and by OTLP against it ([`expected`]), so that nothing is missing
//! and nothing is there that it does not name. Attributes that an app sets itself are its own.
//!
//! ```
//! use mcp_telemetry::spans::{Condition, expected};
//!
//! let holds = [Condition::Answered, Condition::FinalResult, Condition::Client];
//! let ping = expected("mcp.server", "server", "ping", &holds);
//! assert!(ping.contains("mcp.result.type") && ping.contains("mcp.client.name"));
//! assert!(!ping.contains("mcp.tool.name"));
//! ```

mod condition;
mod groups;
mod page;
mod table;

use std::collections::BTreeSet;

pub use condition::Condition;
pub use page::markdown;
pub use table::{NOT_EMITTED, SPANS};

/// A kind of span.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SpanType {
    /// Its `sentry.op`.
    pub op: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its OTel kind.
    pub kind: &'static str,
    /// What makes its status an error; otherwise it is unset.
    pub fails: &'static str,
    /// Its attributes.
    pub groups: &'static [&'static Group],
}

/// Attributes that belong together.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// The methods whose spans have them; none means all.
    pub methods: &'static [&'static str],
    /// Each with what must hold, all of it.
    pub rows: &'static [Row],
}

/// An attribute's name, and what must hold for it to be there.
pub type Row = (&'static str, &'static [Condition]);

/// The names of the attributes on a span with this `sentry.op` and OTel kind, for a message with
/// this method, when just these conditions hold. A name that ends in a dot stands for at least
/// one that begins with it. Empty for a span that is not in [`SPANS`].
///
/// A notification has the same op where it is sent, kind `client`, and where it is received,
/// kind `server`.
#[must_use]
pub fn expected(op: &str, kind: &str, method: &str, holds: &[Condition]) -> BTreeSet<&'static str> {
    let groups = SPANS
        .iter()
        .filter(|span| (span.op, span.kind) == (op, kind));
    let groups = groups.flat_map(|span| span.groups);
    let groups = groups.filter(|group| group.methods.is_empty() || group.methods.contains(&method));
    groups
        .flat_map(|group| group.rows)
        .filter(|(_, conditions)| conditions.iter().all(|it| holds.contains(it)))
        .map(|(key, _)| *key)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{ALL, find};

    #[test]
    fn op_and_kind_name_one_span() {
        let named: BTreeSet<_> = SPANS.iter().map(|span| (span.op, span.kind)).collect();
        assert_eq!(named.len(), SPANS.len());
    }

    #[test]
    fn every_attribute_of_the_table_is_in_the_list_and_gated_there_as_here() {
        for span in SPANS {
            for group in span.groups {
                for (key, conditions) in group.rows {
                    let attribute = find(key).or_else(|| ALL.iter().find(|it| it.key == *key));
                    let attribute = attribute.unwrap_or_else(|| panic!("{key} is not listed"));
                    let gated = attribute.gate.needs_pii();
                    let asks = conditions.contains(&Condition::Pii);
                    assert_eq!(gated, asks, "{key} on {}", span.op);
                }
            }
        }
    }
}

//! The `ot` entry of a W3C `tracestate`.

use std::fmt::{self, Write as _};

use opentelemetry::trace::TraceState;

use super::{Randomness, Threshold};

/// The key of OpenTelemetry's own entry in a `tracestate`.
pub const OT_KEY: &str = "ot";

/// Longest value that the specification allows, in characters (all are ASCII).
const MAX_LEN: usize = 256;
/// List members that W3C Trace Context asks for at most.
const MAX_MEMBERS: usize = 32;

/// The `ot` entry: `th` (threshold), `rv` (randomness) and sub-keys unknown to us.
///
/// Reading never fails. What is malformed counts as absent: an entry longer than 256 characters as
/// a whole, else the single sub-key. Writing keeps the unknown sub-keys in their order, each key
/// once; when the text would grow beyond 256 characters, unknown sub-keys are left out from the end.
///
/// Source: OpenTelemetry specification, `trace/tracestate-handling.md`.
///
/// ```
/// use otel_smart_sampler::consistency::{OtEntry, Threshold};
///
/// let entry = OtEntry::parse("p:8;rv:9b8233f7e3a151;th:zzz");
/// assert_eq!(entry.randomness().map(|r| r.to_string()).as_deref(), Some("9b8233f7e3a151"));
/// assert_eq!(entry.threshold(), None); // "zzz" is no threshold
///
/// let entry = entry.with_threshold(Some(Threshold::ALWAYS));
/// assert_eq!(entry.to_string(), "th:0;rv:9b8233f7e3a151;p:8");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OtEntry<'a> {
    threshold: Option<Threshold>,
    randomness: Option<Randomness>,
    /// The text as it came: the source of the unknown sub-keys.
    text: &'a str,
}

impl<'a> OtEntry<'a> {
    /// Reads the value of an `ot` entry: `key:value` pairs, separated by `;`.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if text.len() > MAX_LEN {
            return Self::default();
        }
        let mut entry = Self {
            text,
            ..Self::default()
        };
        for (key, value) in pairs(text) {
            match key {
                "th" if entry.threshold.is_none() => entry.threshold = Threshold::parse(value),
                "rv" if entry.randomness.is_none() => entry.randomness = Randomness::parse(value),
                _ => {}
            }
        }
        entry
    }

    /// Reads the entry out of a trace state; the empty entry if there is none.
    #[must_use]
    pub fn of(trace_state: &'a TraceState) -> Self {
        trace_state.get(OT_KEY).map(Self::parse).unwrap_or_default()
    }

    /// The threshold `th`, if it is there and well formed.
    #[must_use]
    pub fn threshold(&self) -> Option<Threshold> {
        self.threshold
    }

    /// The explicit randomness `rv`, if it is there and well formed.
    #[must_use]
    pub fn randomness(&self) -> Option<Randomness> {
        self.randomness
    }

    /// Sets or erases the threshold.
    #[must_use]
    pub fn with_threshold(mut self, threshold: Option<Threshold>) -> Self {
        self.threshold = threshold;
        self
    }

    /// Adds an explicit randomness. One that is already there stays: it must never be overwritten.
    #[must_use]
    pub fn with_randomness(mut self, randomness: Randomness) -> Self {
        self.randomness.get_or_insert(randomness);
        self
    }

    /// The trace state with this entry in front, in the place of the old one.
    ///
    /// An empty entry is left out. All other entries stay in their order; beyond 32 members the last
    /// ones go, as W3C Trace Context asks.
    #[must_use]
    pub fn write_to(&self, trace_state: &TraceState) -> TraceState {
        let text = self.to_string();
        let ours = (!text.is_empty()).then_some((OT_KEY, text.as_str()));
        let others = trace_state.into_iter().filter(|(key, _)| *key != OT_KEY);
        TraceState::from_key_value(ours.into_iter().chain(others).take(MAX_MEMBERS))
            // Members of a trace state are valid, and so is our own text.
            .unwrap_or_else(|_| trace_state.clone())
    }
}

impl fmt::Display for OtEntry<'_> {
    /// The value of the entry: `th` first, then `rv`, then the unknown sub-keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        if let Some(threshold) = self.threshold {
            write!(out, "th:{threshold}")?;
        }
        if let Some(randomness) = self.randomness {
            let separator = if out.is_empty() { "" } else { ";" };
            write!(out, "{separator}rv:{randomness}")?;
        }
        let mut seen = vec!["th", "rv"];
        for (key, value) in pairs(self.text) {
            let separator = usize::from(!out.is_empty());
            if out.len() + separator + key.len() + 1 + value.len() > MAX_LEN {
                break;
            }
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            if separator == 1 {
                out.push(';');
            }
            write!(out, "{key}:{value}")?;
        }
        f.write_str(&out)
    }
}

/// The well-formed sub-keys: a key is a lowercase letter and then lowercase letters and digits, a
/// value is letters, digits, `.`, `_` and `-`.
fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(';')
        .filter_map(|pair| pair.split_once(':'))
        .filter(|(key, value)| {
            key.starts_with(|c: char| c.is_ascii_lowercase())
                && key
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                && value
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        OtEntry::parse(text).to_string()
    }

    #[test]
    fn well_formed_entries_stay() {
        for text in [
            "",
            "th:0",
            "th:c;rv:0123456789abcd",
            "th:c;p:8;x1:A.b_c-9",
            "x:",
        ] {
            assert_eq!(rewritten(text), text);
        }
    }

    #[test]
    fn malformed_parts_go_and_the_others_stay() {
        assert_eq!(rewritten("th:C;p:8"), "p:8");
        assert_eq!(rewritten("th;p:8;;:x;P:1;1a:2;b:c d;c:1:2"), "p:8");
        assert_eq!(rewritten("rv:123;th:8"), "th:8");
        assert_eq!(rewritten("th:8;th:4;a:1;a:2"), "th:8;a:1");
        assert_eq!(rewritten("ü:ü;p:8"), "p:8");
        assert_eq!(rewritten("no pairs at all"), "");
    }

    #[test]
    fn the_text_never_exceeds_256_characters() {
        let exact = format!("th:8;p:1;q:{}", "x".repeat(245));
        assert_eq!(exact.len(), 256);
        let entry = OtEntry::parse(&exact);
        assert_eq!(entry.threshold(), Threshold::parse("8"));
        assert_eq!(entry.to_string(), exact);
        let grown = entry
            .with_threshold(Threshold::parse("fd70a3d70a3d7"))
            .to_string();
        assert_eq!(grown, "th:fd70a3d70a3d7;p:1");

        let long = format!("{exact}x");
        assert_eq!(OtEntry::parse(&long).threshold(), None);
        assert_eq!(rewritten(&long), "");
    }

    #[test]
    fn randomness_is_never_overwritten() {
        let ours = Randomness::new(7).unwrap();
        let entry = OtEntry::parse("rv:0123456789abcd").with_randomness(ours);
        assert_eq!(entry.to_string(), "rv:0123456789abcd");
        let entry = OtEntry::parse("p:8").with_randomness(ours);
        assert_eq!(entry.to_string(), "rv:00000000000007;p:8");
    }

    #[test]
    fn writing_moves_the_entry_to_the_front_once() {
        let before: TraceState = "a=1,ot=th:8;p:8,b=2,ot=th:4".parse().unwrap();
        let after = OtEntry::of(&before)
            .with_threshold(Some(Threshold::ALWAYS))
            .write_to(&before);
        assert_eq!(after.header(), "ot=th:0;p:8,a=1,b=2");
        let erased = OtEntry::default().write_to(&before);
        assert_eq!(erased.header(), "a=1,b=2");
        let only: TraceState = "ot=th:8".parse().unwrap();
        assert_eq!(OtEntry::default().write_to(&only), TraceState::NONE);
    }

    #[test]
    fn writing_keeps_to_32_members() {
        let before =
            TraceState::from_key_value((0..32).map(|i| (format!("k{i}"), i.to_string()))).unwrap();
        let after = OtEntry::parse("th:0").write_to(&before);
        assert_eq!(after.into_iter().len(), 32);
        assert_eq!(after.get("ot"), Some("th:0"));
        assert_eq!(after.get("k30"), Some("30"));
        assert_eq!(after.get("k31"), None);
    }
}

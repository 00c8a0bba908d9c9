//! Comparisons and patterns with `*`.

use std::cmp::Ordering;

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn of(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Whether the comparison holds for this order of its two sides.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Compares a field as the `search` command does: patterns for equality, numbers where both sides are numbers.
pub(super) fn compare(name: &str, actual: &str, comparison: Comparison, value: &str) -> bool {
    match comparison {
        Comparison::Equal if name == "index" => matches_index(value, actual),
        Comparison::NotEqual if name == "index" => !matches_index(value, actual),
        Comparison::Equal => matches_pattern(value, actual),
        Comparison::NotEqual => !matches_pattern(value, actual),
        _ => match (actual.parse::<f64>(), value.parse::<f64>()) {
            (Ok(left), Ok(right)) => comparison.holds(left.total_cmp(&right)),
            _ => comparison.holds(actual.cmp(value)),
        },
    }
}

/// Whether an index is meant by a pattern. `*` does not reach internal indexes: those need `_*`.
pub(super) fn matches_index(pattern: &str, index: &str) -> bool {
    matches_pattern(pattern, index) && (pattern.starts_with('_') || !index.starts_with('_'))
}

/// Whether the text meets a pattern with `*` for any text, in any case.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*b*c", "aXbXc", true),
            ("a*a", "a", false),
            ("*", "", true),
            ("**", "x", true),
            ("A", "a", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
        assert!(matches_index("_int*", "_internal"));
        assert!(!matches_index("*", "_internal"));
    }
}

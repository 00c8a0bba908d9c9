//! Conditions on attribute values.

use opentelemetry::Value;

use crate::Pattern;

/// What a rule asks of the value of an attribute.
///
/// ```
/// use opentelemetry::Value;
/// use otel_smart_sampler::{Match, Pattern};
///
/// assert!(Match::present().matches(&Value::Bool(false)));
/// assert!(Match::equals("/health").matches(&Value::from("/health")));
/// assert!(Match::equals(8080).matches(&Value::I64(8080)));
/// assert!(Match::pattern(Pattern::glob("/health*")).matches(&Value::from("/healthz")));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Match(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Present,
    Equals(Value),
    Pattern(Pattern),
}

impl Match {
    /// Any value will do: the attribute is there.
    #[must_use]
    pub fn present() -> Self {
        Self(Kind::Present)
    }

    /// The attribute has this value.
    ///
    /// An integer and a float are equal when they are the same number. Strings, numbers and booleans
    /// are never equal to each other; so mind that `tracing-opentelemetry` records `u8` to `u64`
    /// fields as strings. NaN equals nothing.
    #[must_use]
    pub fn equals(value: impl Into<Value>) -> Self {
        Self(Kind::Equals(value.into()))
    }

    /// The attribute is a string which matches the pattern.
    #[must_use]
    pub fn pattern(pattern: Pattern) -> Self {
        Self(Kind::Pattern(pattern))
    }

    /// Whether the value meets this condition.
    #[must_use]
    pub fn matches(&self, value: &Value) -> bool {
        match (&self.0, value) {
            (Kind::Present, _) => true,
            (Kind::Equals(Value::I64(int)), Value::F64(float))
            | (Kind::Equals(Value::F64(float)), Value::I64(int)) => same_number(*int, *float),
            (Kind::Equals(expected), value) => expected == value,
            (Kind::Pattern(pattern), Value::String(text)) => pattern.matches(text.as_str()),
            (Kind::Pattern(_), _) => false,
        }
    }
}

/// Exact: casting the integer to a float instead would make neighbours above 2^53 equal.
fn same_number(int: i64, float: f64) -> bool {
    float.trunc() == float && float as i128 == i128::from(int)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::{Array, StringValue};

    #[test]
    fn values_are_compared_by_value() {
        let owned = Value::from(String::from("x"));
        assert!(Match::equals("x").matches(&owned));
        assert!(Match::equals(true).matches(&Value::Bool(true)));
        assert!(!Match::equals(true).matches(&Value::Bool(false)));
        assert!(Match::equals(2).matches(&Value::F64(2.0)));
        assert!(Match::equals(2.0).matches(&Value::I64(2)));
        assert!(Match::equals(2.5).matches(&Value::F64(2.5)));
        assert!(!Match::equals(2).matches(&Value::F64(2.5)));
        assert!(!Match::equals(2).matches(&Value::from("2")));
        assert!(!Match::equals("2").matches(&Value::I64(2)));
        assert!(!Match::equals(1).matches(&Value::Bool(true)));
    }

    #[test]
    fn odd_floats_are_compared_exactly() {
        assert!(!Match::equals(f64::NAN).matches(&Value::F64(f64::NAN)));
        assert!(!Match::equals(0).matches(&Value::F64(f64::NAN)));
        assert!(!Match::equals(i64::MAX).matches(&Value::F64(f64::INFINITY)));
        assert!(!Match::equals(i64::MAX).matches(&Value::F64(i64::MAX as f64)));
        assert!(Match::equals(i64::MIN).matches(&Value::F64(i64::MIN as f64)));
        assert!(Match::equals(0).matches(&Value::F64(-0.0)));
    }

    #[test]
    fn patterns_take_strings_only() {
        let any = Match::pattern(Pattern::glob("*"));
        assert!(any.matches(&Value::from("")));
        assert!(!any.matches(&Value::I64(1)));
        let list = Value::Array(Array::String(vec![StringValue::from("a")]));
        assert!(!any.matches(&list));
        assert!(Match::present().matches(&list));
        assert!(Match::equals(list.clone()).matches(&list));
    }
}

//! Arguments of traced functions: which can be recorded, and their text.
//!
//! The attribute macros record every argument whose type implements [`Debug`] and skip the others without a word. A macro
//! sees tokens, not types, so the choice is made by method resolution ("autoref specialization"): [`DebugArgument`] is found
//! first where the type implements `Debug`, [`OpaqueArgument`] everywhere else.
//!
//! The text is cut while it is written: [`format_argument`] never holds more than [`ARGUMENT_LIMIT`] bytes, however large
//! the value is.

use std::fmt::Debug;

use crate::bounded::bounded;

/// The longest text of one argument, in bytes, with the mark of the cut.
pub const ARGUMENT_LIMIT: usize = 1024;

/// An argument of a traced function, before it is known whether it can be shown.
#[derive(Debug)]
pub struct Argument<'a, T>(pub &'a T);

/// Finds the [`Debug`] of an argument that has one.
pub trait DebugArgument<'a> {
    /// The value, ready to be formatted. Nothing is formatted yet.
    fn __mcp_telemetry_debug(&self) -> Option<&'a dyn Debug>;
}

impl<'a, T: Debug> DebugArgument<'a> for Argument<'a, T> {
    fn __mcp_telemetry_debug(&self) -> Option<&'a dyn Debug> {
        Some(self.0)
    }
}

/// Stands in for the arguments that [`DebugArgument`] does not cover.
pub trait OpaqueArgument<'a> {
    /// Always `None`: the argument cannot be shown.
    fn __mcp_telemetry_debug(&self) -> Option<&'a dyn Debug>;
}

impl<'a, T> OpaqueArgument<'a> for &Argument<'a, T> {
    fn __mcp_telemetry_debug(&self) -> Option<&'a dyn Debug> {
        None
    }
}

/// Adds an argument to a call: `argument!(call, "name", value)`.
///
/// Expands to `call.argument("name", &value)` when the value's type implements `Debug`, else to `call`.
#[doc(hidden)]
#[macro_export]
macro_rules! __argument {
    ($call:ident, $name:literal, $value:ident) => {{
        #[allow(unused_imports)]
        use $crate::__private::{DebugArgument as _, OpaqueArgument as _};
        match (&$crate::__private::Argument(&$value)).__mcp_telemetry_debug() {
            ::core::option::Option::Some(value) => $call.argument($name, value),
            ::core::option::Option::None => $call,
        }
    }};
}

pub use crate::__argument as argument;

/// The `Debug` text of an argument, at most [`ARGUMENT_LIMIT`] bytes.
///
/// A longer text is cut and ends in `…`. Once the limit is reached, every further write of the value fails, so
/// a `Debug` that minds its errors (all derived ones do) stops there. A `Debug` that panics yields a fixed text: recording an
/// argument must not end the call.
#[must_use]
pub fn format_argument(value: &dyn Debug) -> String {
    bounded(format_args!("{value:?}"), ARGUMENT_LIMIT)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fmt;

    use super::*;
    use crate::bounded::PANICKED;

    #[test]
    fn short_values_are_whole() {
        assert_eq!(format_argument(&"a \"b\""), r#""a \"b\"""#);
        assert_eq!(format_argument(&Some(7)), "Some(7)");
        assert_eq!(format_argument(&()), "()");
    }

    #[test]
    fn formatting_stops_at_the_limit() {
        struct Counts<'a>(&'a Cell<usize>);
        impl Debug for Counts<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for _ in 0..1_000_000 {
                    self.0.set(self.0.get() + 1);
                    f.write_str("0123456789")?;
                }
                Ok(())
            }
        }
        let writes = Cell::new(0);
        let text = format_argument(&Counts(&writes));
        assert_eq!(text.len(), ARGUMENT_LIMIT);
        assert_eq!(writes.get(), ARGUMENT_LIMIT / 10 + 1);
    }

    #[test]
    fn a_debug_that_ignores_errors_stays_bounded() {
        struct Careless;
        impl Debug for Careless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for _ in 0..10_000 {
                    let _ = f.write_str("0123456789");
                }
                Ok(())
            }
        }
        assert_eq!(format_argument(&Careless).len(), ARGUMENT_LIMIT);
    }

    #[test]
    fn a_debug_that_panics_or_fails_does_not_end_the_call() {
        struct Panics;
        impl Debug for Panics {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("in Debug")
            }
        }
        struct Fails;
        impl Debug for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }
        assert_eq!(format_argument(&Panics), PANICKED);
        assert_eq!(format_argument(&Fails), "half");
    }

    #[test]
    #[expect(
        clippy::needless_borrow,
        reason = "the borrow is what lets both traits be found"
    )]
    fn only_types_with_debug_are_shown() {
        struct Opaque;
        let shown = 5_u8;
        let reference = &mut vec!["a"];
        let hidden = Opaque;
        let text = |value: Option<&dyn Debug>| value.map(format_argument);
        assert_eq!(
            text((&Argument(&shown)).__mcp_telemetry_debug()).as_deref(),
            Some("5")
        );
        assert_eq!(
            text((&Argument(&reference)).__mcp_telemetry_debug()).as_deref(),
            Some(r#"["a"]"#)
        );
        assert_eq!(text((&Argument(&hidden)).__mcp_telemetry_debug()), None);
    }
}

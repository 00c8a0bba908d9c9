//! An error with its sources, as exceptions.

use std::cell::Cell;
use std::error::Error;

use sentry::protocol::Exception;

use super::integration::McpErrors;
use crate::bounded::bounded;
use crate::call::outcome::MESSAGE_LIMIT;

/// The most sources of an error that are shown; a chain may be endless.
const MOST_SOURCES: usize = 16;

/// As much of an error's `Debug` text as is read for the name of its type.
const TYPE_LIMIT: usize = 256;

thread_local! {
    static KEPT: Cell<Option<Cause>> = const { Cell::new(None) };
}

/// An error and its sources, the innermost first.
#[derive(Debug)]
pub(crate) struct Cause(pub(super) Vec<Exception>);

impl Cause {
    pub(super) fn of<E: Error + ?Sized>(error: &E) -> Self {
        let mut exceptions = vec![exception(error)];
        let mut source = error.source();
        while let Some(error) = source
            && exceptions.len() <= MOST_SOURCES
        {
            exceptions.push(exception(error));
            source = error.source();
        }
        exceptions.reverse();
        Self(exceptions)
    }

    /// Keeps the error that a traced call returned, for whoever ends the call: an outcome has
    /// its text alone.
    pub(crate) fn keep<E: Error + ?Sized>(error: &E) {
        if McpErrors::are_captured() {
            KEPT.set(Some(Self::of(error)));
        }
    }

    /// The error that was kept last on this thread.
    pub(crate) fn take() -> Option<Self> {
        KEPT.take()
    }
}

/// Named as the SDK names it: by the first word of the error's `Debug` text, which is the name
/// of a struct or of an enum's variant.
fn exception<E: Error + ?Sized>(error: &E) -> Exception {
    let value = bounded(format_args!("{error}"), MESSAGE_LIMIT);
    let debug = bounded(format_args!("{error:?}"), TYPE_LIMIT);
    // An error whose `Debug` text is just its text tells no type.
    let ty = match debug == bounded(format_args!("{value:?}"), TYPE_LIMIT) {
        true => "Error",
        false => sentry::parse_type_from_debug(&debug),
    };
    Exception {
        ty: ty.to_owned(),
        value: Some(value),
        ..Exception::default()
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::io;

    use super::*;

    #[derive(Debug)]
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Endless)
        }
    }

    #[test]
    fn sources_come_first_and_have_the_sdks_names() {
        let error: Box<dyn Error> = "plain".into();
        let pairs = |error: &dyn Error| -> Vec<_> {
            let exceptions = Cause::of(error).0.into_iter();
            exceptions.map(|it| (it.ty, it.value.unwrap())).collect()
        };
        let pair = |ty: &str, value: &str| (ty.to_owned(), value.to_owned());
        assert_eq!(pairs(&*error), [pair("Error", "plain")]);
        let parse = "x".parse::<u8>().unwrap_err();
        let outer = io::Error::other(parse.clone());
        let text = "invalid digit found in string";
        // `io::Error` is the error inside: it has no text and no source of its own.
        assert_eq!(pairs(&outer), [pair("Custom", text)]);
        // What the SDK itself makes of it.
        let of_sdk = sentry::event_from_error(&parse).exception.values;
        assert_eq!(Cause::of(&parse).0, of_sdk);
    }

    #[test]
    fn a_chain_without_an_end_is_cut() {
        assert_eq!(Cause::of(&Endless).0.len(), MOST_SOURCES + 1);
    }
}

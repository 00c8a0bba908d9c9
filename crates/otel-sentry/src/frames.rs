//! Stack traces as Sentry keeps them.

use sentry::protocol::Event;

use crate::convert::cut_chars;

/// Sentry cuts the end of a longer name. Its unit is the character.
const MAX_NAME_CHARS: usize = 512;
const GAP: &str = "...";

/// Shortens the names of functions that Sentry would cut.
///
/// In Rust the types stand in the middle of a name and the method comes last, so both ends are kept.
pub(crate) fn shorten_names(event: &mut Event<'_>) {
    let of_exceptions = event
        .exception
        .iter_mut()
        .flat_map(|exception| [&mut exception.stacktrace, &mut exception.raw_stacktrace]);
    let of_threads = event
        .threads
        .iter_mut()
        .flat_map(|thread| [&mut thread.stacktrace, &mut thread.raw_stacktrace]);
    of_exceptions
        .chain(of_threads)
        .chain([&mut event.stacktrace])
        .flatten()
        .flat_map(|trace| &mut trace.frames)
        .flat_map(|frame| [&mut frame.function, &mut frame.symbol])
        .flatten()
        .for_each(shorten);
}

fn shorten(name: &mut String) {
    // There are at most as many characters as bytes.
    if name.len() <= MAX_NAME_CHARS {
        return;
    }
    let count = name.chars().count();
    if count <= MAX_NAME_CHARS {
        return;
    }
    let kept = MAX_NAME_CHARS - GAP.len();
    let start = cut_chars(name, kept - kept / 2);
    let end: String = name.chars().skip(count - kept / 2).collect();
    *name = format!("{start}{GAP}{end}");
}

#[cfg(test)]
mod tests {
    use sentry::protocol::{Exception, Frame, Stacktrace, Thread};

    use super::*;

    fn trace(function: &str) -> Option<Stacktrace> {
        let frame = Frame {
            function: Some(function.to_owned()),
            symbol: Some(function.to_owned()),
            ..Frame::default()
        };
        Some(Stacktrace {
            frames: vec![frame],
            ..Stacktrace::default()
        })
    }

    fn shortened(function: &str) -> String {
        let mut event = Event {
            exception: vec![Exception {
                stacktrace: trace(function),
                raw_stacktrace: trace(function),
                ..Exception::default()
            }]
            .into(),
            threads: vec![Thread {
                stacktrace: trace(function),
                ..Thread::default()
            }]
            .into(),
            stacktrace: trace(function),
            ..Event::default()
        };
        shorten_names(&mut event);
        let names = [
            &event.exception.values[0].stacktrace,
            &event.exception.values[0].raw_stacktrace,
            &event.threads.values[0].stacktrace,
            &event.stacktrace,
        ]
        .map(|trace| {
            let frame = &trace.as_ref().unwrap().frames[0];
            assert_eq!(frame.function, frame.symbol);
            frame.function.clone().unwrap()
        });
        let [first, others @ ..] = names;
        assert!(others.iter().all(|name| *name == first));
        first
    }

    #[test]
    fn names_that_sentry_keeps_stay() {
        for name in [String::new(), "a".repeat(512), "é".repeat(512)] {
            assert_eq!(shortened(&name), name);
        }
    }

    #[test]
    fn both_ends_of_a_longer_name_are_kept() {
        let name = format!("<Harness<{}é> as Future>::poll", "Box<".repeat(200));
        let short = shortened(&name);
        assert_eq!(short.chars().count(), MAX_NAME_CHARS);
        assert!(short.starts_with("<Harness<Box<Box<"), "{short}");
        assert!(short.contains(GAP), "{short}");
        assert!(short.ends_with("é> as Future>::poll"), "{short}");
        assert_eq!(shortened(&"é".repeat(513)).chars().count(), 512);
    }
}

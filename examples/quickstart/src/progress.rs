//! One line on stderr that says what happens now.
#![expect(clippy::print_stderr, reason = "progress is shown to who waits")]

use std::io::IsTerminal as _;
use std::io::Write as _;

/// Shows `what`; on a terminal in place of the line before.
pub(crate) fn say(what: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K… {what}");
        // Nobody reads the progress of a closed stderr.
        let _ = std::io::stderr().flush();
    } else {
        eprintln!("… {what}");
    }
}

/// Ends the line.
pub(crate) fn done() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}

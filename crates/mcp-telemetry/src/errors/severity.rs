//! The level that `tracing` does not have: fatal.

/// The field that makes an error a fatal one: `tracing::error!(severity = "fatal", …)`.
pub(crate) const SEVERITY: &str = "severity";

/// Whether a [`SEVERITY`] says that an error is fatal: `fatal`, or as Python has it `critical`.
pub(crate) fn is_fatal(severity: &str) -> bool {
    ["fatal", "critical"]
        .iter()
        .any(|fatal| severity.eq_ignore_ascii_case(fatal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fatal_has_two_names() {
        for (severity, fatal) in [
            ("fatal", true),
            ("CRITICAL", true),
            ("error", false),
            ("", false),
        ] {
            assert_eq!(is_fatal(severity), fatal, "{severity}");
        }
    }
}

//! Settings of the spool.

use std::path::PathBuf;

use super::reader::{Reader, shown, uses_default};
use super::variables::{MIN_SPOOL_BYTES, names};

/// The table's default: 256 MiB.
const DEFAULT_BYTES: u64 = 256 * 1024 * 1024;

/// Where telemetry waits on disk until it has arrived.
///
/// ```
/// use mcp_telemetry::config::{AppInfo, Config};
///
/// let directory = if cfg!(windows) { r"C:\telemetry" } else { "/var/spool/telemetry" };
/// let config = Config::from_lookup(AppInfo::new("app", "1.0.0"), |key| {
///     (key == "MCP_TELEMETRY_SPOOL_DIR").then(|| directory.to_owned())
/// })?;
/// assert_eq!(config.spool.unwrap().max_bytes, 256 * 1024 * 1024);
/// # Ok::<_, mcp_telemetry::config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolConfig {
    /// `MCP_TELEMETRY_SPOOL_DIR`: each destination has a directory of its own in it.
    pub directory: PathBuf,
    /// `MCP_TELEMETRY_SPOOL_MAX_BYTES`: the most that the files of one destination take.
    pub max_bytes: u64,
}

impl SpoolConfig {
    /// None where there is to be no spool.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let max_bytes = max_bytes(reader);
        let variable = &names::MCP_TELEMETRY_SPOOL_DIR;
        let text = reader.text(variable)?;
        let directory = PathBuf::from(&text);
        // Where a server is started from is up to its client.
        if !directory.is_absolute() {
            let problem = format!("{} is not an absolute path", shown(&text));
            reader.report(variable, problem, "nothing is kept on disk");
            return None;
        }
        Some(Self {
            directory,
            max_bytes,
        })
    }
}

fn max_bytes(reader: &mut Reader<'_>) -> u64 {
    let variable = &names::MCP_TELEMETRY_SPOOL_MAX_BYTES;
    let Some(text) = reader.text(variable) else {
        return DEFAULT_BYTES;
    };
    let problem = match text.parse::<u64>() {
        Ok(bytes @ MIN_SPOOL_BYTES..) => return bytes,
        Ok(_) => "is too small",
        Err(_) => "is not a whole number of bytes",
    };
    reader.report(
        variable,
        format!("{} {problem}", shown(&text)),
        uses_default(variable),
    );
    DEFAULT_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AppInfo, Config};

    /// The settings, and what is wrong with them.
    fn read(directory: &str, max_bytes: &str) -> (Option<SpoolConfig>, Vec<String>) {
        let lookup = |key: &str| match key {
            "MCP_TELEMETRY_SPOOL_DIR" => Some(directory.to_owned()),
            "MCP_TELEMETRY_SPOOL_MAX_BYTES" => Some(max_bytes.to_owned()),
            _ => None,
        };
        let (config, errors) = Config::from_lookup_lenient(AppInfo::new("app", "1"), lookup);
        let problems = errors.iter().flat_map(|errors| errors.problems());
        (config.spool, problems.map(ToString::to_string).collect())
    }

    fn root() -> &'static str {
        if cfg!(windows) { r"C:\spool" } else { "/spool" }
    }

    #[test]
    fn the_default_is_the_tables() {
        let text = names::MCP_TELEMETRY_SPOOL_MAX_BYTES.default;
        assert_eq!(text.parse(), Ok(DEFAULT_BYTES));
        let (spool, problems) = read(root(), "");
        assert_eq!(
            (spool.unwrap().max_bytes, problems),
            (DEFAULT_BYTES, vec![])
        );
        assert_eq!(read("", "100000"), (None, vec![]), "off");
    }

    #[test]
    fn a_limit_is_a_number_of_bytes_that_something_fits_into() {
        let (spool, problems) = read(root(), "65536");
        assert_eq!((spool.unwrap().max_bytes, problems), (65_536, vec![]));
        for (text, problem) in [
            ("65535", "is too small"),
            ("0", "is too small"),
            ("1GiB", "is not a whole number of bytes"),
            ("-1", "is not a whole number of bytes"),
        ] {
            let (spool, problems) = read(root(), text);
            assert_eq!(spool.unwrap().max_bytes, DEFAULT_BYTES);
            assert_eq!(
                problems,
                [format!(
                    "MCP_TELEMETRY_SPOOL_MAX_BYTES: `{text}` {problem}; expected whole bytes, \
                     at least 65536; `268435456` is used instead"
                )]
            );
        }
    }

    #[test]
    fn a_directory_must_be_the_same_from_everywhere() {
        let (spool, problems) = read("spool/here", "");
        assert_eq!(spool, None);
        assert_eq!(
            problems,
            [
                "MCP_TELEMETRY_SPOOL_DIR: `spool/here` is not an absolute path; expected absolute \
              path of a directory; nothing is kept on disk"
            ]
        );
    }
}

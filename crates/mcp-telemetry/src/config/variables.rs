//! Every environment variable, in one table.
//!
//! The parser, the error messages and the README table all read it: a variable that is not here is not read.

use std::fmt::Write;

/// What a variable's value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A Sentry DSN. Secret.
    Dsn,
    /// A name as Sentry accepts it for an environment.
    Environment,
    /// A version as Sentry accepts it for a release.
    Release,
    /// Free text.
    Text,
    /// A number from 0.0 to 1.0.
    Rate,
    /// A switch of ours: true, 1, yes, on, false, 0, no, off.
    Switch,
    /// A boolean of the OpenTelemetry specification: only `true` is true.
    OtelBoolean,
    /// Whole milliseconds, 1 to [`MAX_MILLISECONDS`].
    Milliseconds,
    /// An absolute path of a directory.
    Directory,
    /// Whole bytes, at least [`MIN_SPOOL_BYTES`].
    Bytes,
    /// An `http` or `https` URL without credentials, query and fragment.
    Url,
    /// `key=value` pairs, percent-encoded.
    Pairs,
    /// `name=value` pairs, percent-encoded, for HTTP headers. Secret.
    Headers,
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// A comma list of some words.
    ListOf(&'static [&'static str]),
    /// A comma list of any words.
    List,
    /// A comma list of hosts, with `*` for any characters.
    Hosts,
    /// Sampling rules, or a file of them.
    Rules,
    /// What is kept whatever the sampler said.
    Keep,
}

/// The longest time a variable may ask for, in milliseconds: ten minutes. Nothing here waits without a bound.
pub const MAX_MILLISECONDS: u64 = 600_000;

/// The least that a spool may be limited to, in bytes: 64 KiB.
pub const MIN_SPOOL_BYTES: u64 = 64 * 1024;

impl Kind {
    /// Whether the value may not be repeated in messages.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::Dsn | Self::Headers)
    }

    /// The accepted form in words, as error messages and the table show it.
    #[must_use]
    pub fn accepted(self) -> String {
        match self {
            Self::Dsn => "`https://<public key>@<host>/<project number>`".to_owned(),
            Self::Environment => {
                "up to 64 bytes without `/`, `\\` and control characters; not `none`".to_owned()
            }
            Self::Release => {
                "up to 200 bytes without `/`, `\\` and control characters; not `latest`".to_owned()
            }
            Self::Text => "text".to_owned(),
            Self::Rate => "a number from 0.0 to 1.0".to_owned(),
            Self::Switch => "`true`, `1`, `yes`, `on`, `false`, `0`, `no` or `off`".to_owned(),
            Self::OtelBoolean => "`true` or `false`".to_owned(),
            Self::Milliseconds => {
                format!("whole milliseconds from 1 to {MAX_MILLISECONDS}")
            }
            Self::Directory => "absolute path of a directory".to_owned(),
            Self::Bytes => format!("whole bytes, at least {MIN_SPOOL_BYTES}"),
            Self::Url => {
                "`http://` or `https://` URL with a host, without credentials, query and fragment"
                    .to_owned()
            }
            Self::Pairs => "`key=value,key=value`, percent-encoded".to_owned(),
            Self::Headers => "`name=value,name=value`, percent-encoded".to_owned(),
            Self::OneOf(words) => alternatives(words),
            Self::ListOf(words) => format!("comma list of {}", alternatives(words)),
            Self::List => "comma list".to_owned(),
            Self::Hosts => {
                "comma list of `host` or `host:port`, with `*` for any characters".to_owned()
            }
            Self::Rules => {
                "`name: conditions -> rate; …`, or the path of a file of that".to_owned()
            }
            Self::Keep => "`off`, or comma list of `errors` and `slow:10s`".to_owned(),
        }
    }
}

/// "`a`, `b` or `c`".
fn alternatives(words: &[&str]) -> String {
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == words.len() => " or ",
            _ => ", ",
        };
        text.push_str(separator);
        text.push('`');
        text.push_str(word);
        text.push('`');
    }
    text
}

/// One environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The form of its value.
    pub kind: Kind,
    /// What an unset or empty variable means, as it would be written. Empty: nothing.
    ///
    /// `{name}` and `{version}` stand for those of the app.
    pub default: &'static str,
    /// What it does, in one sentence.
    pub meaning: &'static str,
}

const fn variable(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable {
        name,
        kind,
        default,
        meaning,
    }
}

const EXPORTERS: Kind = Kind::ListOf(&["otlp", "none"]);
const PROTOCOLS: Kind = Kind::OneOf(&["http/protobuf"]);
const COMPRESSIONS: Kind = Kind::OneOf(&["gzip", "none"]);

/// The variables by name. The parser uses these, so that a wrong name does not compile.
pub(super) mod names {
    use super::*;

    macro_rules! variables {
        ($($name:ident, $kind:expr, $default:literal, $meaning:literal;)*) => {
            $(pub(crate) const $name: Variable = variable(stringify!($name), $kind, $default, $meaning);)*
            pub(crate) const ALL: &[Variable] = &[$($name),*];
        };
    }

    variables! {
        SENTRY_DSN, Kind::Dsn, "", "Where Sentry events go; unset: Sentry is off.";
        SENTRY_ENVIRONMENT, Kind::Environment, "development", "Environment of all Sentry data.";
        SENTRY_RELEASE, Kind::Release, "{name}@{version}", "Release of all Sentry data.";
        SENTRY_TRACES_SAMPLE_RATE, Kind::Rate, "1.0", "Base rate of the sampling rules.";
        SENTRY_PROFILES_SAMPLE_RATE, Kind::Rate, "0.1", "Share of the sampled traces that are profiled.";
        SENTRY_DEBUG, Kind::Switch, "false", "Diagnostics of the Sentry SDK, on stderr.";
        SENTRY_ENABLE_LOGS, Kind::Switch, "true", "Sends `tracing` events as Sentry logs.";
        SENTRY_SEND_PII, Kind::Switch, "true", "Lets sanitized tool inputs and outputs into traces.";
        MCP_TELEMETRY_SENTRY_TRACES, Kind::OneOf(&["bridge", "stock", "otlp", "collector", "off"]), "bridge", "How spans reach Sentry: as transactions by our own conversion (`bridge`) or the SDK's processor (`stock`), by OTLP to the DSN's project (`otlp`) or to the OTLP endpoint (`collector`), or not. Errors, logs and sessions do in each case.";
        MCP_TELEMETRY_MCP_PARENT, Kind::OneOf(&["meta-first", "ambient-first"]), "meta-first", "Parent of an MCP request: its `_meta` or the HTTP span. The other becomes a link.";
        MCP_TELEMETRY_NOTIFICATIONS, Kind::OneOf(&["significant", "all", "none"]), "significant", "Notifications that have a span: all, none, or all but `progress` and `message`.";
        MCP_TELEMETRY_RESULT_TRACE_ID, Kind::Switch, "false", "Tells clients, as `traceparent` in the `_meta` of tool, prompt and resource results, which span these came from.";
        MCP_TELEMETRY_SAMPLING_RULES, Kind::Rules, "", "Sampling rules in front of the built-in ones; one with the name of a built-in one replaces it.";
        MCP_TELEMETRY_OBEY_PARENT, Kind::Switch, "false", "Follows every remote parent's decision; otherwise MCP requests are traced whatever it says.";
        MCP_TELEMETRY_KEEP, Kind::Keep, "errors", "Traces that are kept whatever the sampler said: those that hold an error, or last too long.";
        MCP_TELEMETRY_STRICT_CONTINUATION, Kind::Switch, "false", "Continues Sentry's traces only where both sides name the same organization.";
        MCP_TELEMETRY_PROPAGATION_TARGETS, Kind::Hosts, "", "Hosts whose outgoing HTTP requests carry the trace; unset: none.";
        MCP_TELEMETRY_REDACT_KEYS, Kind::List, "", "More attribute keys whose values are redacted.";
        MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS, Kind::Milliseconds, "2000", "Longest wait for unsent data at shutdown.";
        MCP_TELEMETRY_SPOOL_DIR, Kind::Directory, "", "Keeps what is not sent yet on disk, through crashes and outages; unset: in memory alone. One process at a time uses it.";
        MCP_TELEMETRY_SPOOL_MAX_BYTES, Kind::Bytes, "268435456", "Most that the files of one destination take in `MCP_TELEMETRY_SPOOL_DIR`; then the least urgent goes.";
        OTEL_SDK_DISABLED, Kind::OtelBoolean, "false", "Turns the OpenTelemetry SDK off.";
        OTEL_SERVICE_NAME, Kind::Text, "{name}", "`service.name` of the resource; wins over `OTEL_RESOURCE_ATTRIBUTES`.";
        OTEL_RESOURCE_ATTRIBUTES, Kind::Pairs, "", "More resource attributes.";
        OTEL_PROPAGATORS, Kind::ListOf(&["tracecontext", "baggage", "sentry", "none"]), "tracecontext,baggage,sentry", "Header formats that carry the trace across processes.";
        OTEL_TRACES_SAMPLER, Kind::OneOf(&["always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"]), "", "Base rate, unless `SENTRY_TRACES_SAMPLE_RATE` is set; without `parentbased_`, remote parents do not count.";
        OTEL_TRACES_SAMPLER_ARG, Kind::Rate, "", "The rate of `traceidratio`; unset: 1.";
        OTEL_TRACES_EXPORTER, EXPORTERS, "", "Whether traces go out over OTLP; unset: yes if they have an endpoint.";
        OTEL_LOGS_EXPORTER, EXPORTERS, "", "Whether logs go out over OTLP; unset: yes if they have an endpoint.";
        OTEL_METRICS_EXPORTER, EXPORTERS, "", "Whether metrics go out over OTLP; unset: yes if they have an endpoint.";
        OTEL_EXPORTER_OTLP_ENDPOINT, Kind::Url, "http://localhost:4318", "Base URL; `/v1/traces`, `/v1/logs` and `/v1/metrics` are appended. The default holds once an exporter is `otlp`.";
        OTEL_EXPORTER_OTLP_HEADERS, Kind::Headers, "", "Headers of every OTLP request.";
        OTEL_EXPORTER_OTLP_TIMEOUT, Kind::Milliseconds, "10000", "Longest wait for an answer to an OTLP request.";
        OTEL_EXPORTER_OTLP_COMPRESSION, COMPRESSIONS, "none", "Compression of OTLP requests.";
        OTEL_EXPORTER_OTLP_PROTOCOL, PROTOCOLS, "http/protobuf", "Encoding of OTLP requests.";
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, Kind::Url, "", "URL for traces, used as it is.";
        OTEL_EXPORTER_OTLP_TRACES_HEADERS, Kind::Headers, "", "Instead of the common headers, for traces.";
        OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, Kind::Milliseconds, "", "Instead of the common timeout, for traces.";
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION, COMPRESSIONS, "", "Instead of the common compression, for traces.";
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, PROTOCOLS, "", "Instead of the common protocol, for traces.";
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, Kind::Url, "", "URL for logs, used as it is.";
        OTEL_EXPORTER_OTLP_LOGS_HEADERS, Kind::Headers, "", "Instead of the common headers, for logs.";
        OTEL_EXPORTER_OTLP_LOGS_TIMEOUT, Kind::Milliseconds, "", "Instead of the common timeout, for logs.";
        OTEL_EXPORTER_OTLP_LOGS_COMPRESSION, COMPRESSIONS, "", "Instead of the common compression, for logs.";
        OTEL_EXPORTER_OTLP_LOGS_PROTOCOL, PROTOCOLS, "", "Instead of the common protocol, for logs.";
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT, Kind::Url, "", "URL for metrics, used as it is.";
        OTEL_EXPORTER_OTLP_METRICS_HEADERS, Kind::Headers, "", "Instead of the common headers, for metrics.";
        OTEL_EXPORTER_OTLP_METRICS_TIMEOUT, Kind::Milliseconds, "", "Instead of the common timeout, for metrics.";
        OTEL_EXPORTER_OTLP_METRICS_COMPRESSION, COMPRESSIONS, "", "Instead of the common compression, for metrics.";
        OTEL_EXPORTER_OTLP_METRICS_PROTOCOL, PROTOCOLS, "", "Instead of the common protocol, for metrics.";
    }
}

/// All variables that a [`Config`](super::Config) reads, in the order of the documentation.
pub static VARIABLES: &[Variable] = names::ALL;

/// [`VARIABLES`] as a Markdown table, one row each, with a newline at the end.
///
/// # Example
///
/// ```
/// let table = mcp_telemetry::config::markdown_table();
/// assert!(table.contains("| `SENTRY_TRACES_SAMPLE_RATE` | a number from 0.0 to 1.0 | `1.0` |"));
/// ```
#[must_use]
pub fn markdown_table() -> String {
    let mut table = String::from("| Variable | Value | Default | Meaning |\n|---|---|---|---|\n");
    for variable in VARIABLES {
        let default = match variable.default {
            "" => "-".to_owned(),
            default => format!("`{default}`"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| `{}` | {} | {default} | {} |",
            variable.name,
            variable.kind.accepted(),
            variable.meaning
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_of_the_known_families() {
        let mut seen = HashSet::new();
        for variable in VARIABLES {
            assert!(seen.insert(variable.name), "{} twice", variable.name);
            assert!(
                ["SENTRY_", "OTEL_", "MCP_TELEMETRY_"]
                    .iter()
                    .any(|family| variable.name.starts_with(family)),
                "{}",
                variable.name
            );
            assert!(variable.meaning.ends_with('.'), "{}", variable.name);
        }
    }

    #[test]
    fn the_table_has_a_row_of_four_cells_for_each_variable() {
        let table = markdown_table();
        let rows: Vec<&str> = table.lines().collect();
        assert_eq!(rows.len(), VARIABLES.len() + 2);
        for row in &rows {
            assert_eq!(row.matches('|').count(), 5, "{row}");
        }
        for (row, variable) in rows.iter().skip(2).zip(VARIABLES) {
            assert!(
                row.starts_with(&format!("| `{}` |", variable.name)),
                "{row}"
            );
        }
    }

    #[test]
    fn alternatives_read_as_words() {
        assert_eq!(alternatives(&["a"]), "`a`");
        assert_eq!(alternatives(&["a", "b"]), "`a` or `b`");
        assert_eq!(alternatives(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}

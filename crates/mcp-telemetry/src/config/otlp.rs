//! Settings of the OTLP exporters, one for each signal.
//!
//! Follows the OpenTelemetry specification "OTLP exporter configuration": a variable of a signal replaces the common one
//! as a whole (headers are not merged); the path of a signal is appended to the common endpoint only.
//!
//! One rule is ours: a signal with neither an endpoint nor an exporter named is off, where the specification would send it to
//! `http://localhost:4318`. An app without a collector should not fill its logs with refused connections.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::dsn::Dsn;
use super::pairs::{self, Fault, PairProblem};
use super::reader::{Reader, shown};
use super::sentry::{SentryConfig, SentryTraces};
use super::variables::{Variable, names};

/// The specification's default for a signal that is on without an endpoint.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// The specification's default timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the signals go over OTLP. `None`: that signal is off.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// Spans.
    pub traces: Option<OtlpSignal>,
    /// Log records.
    pub logs: Option<OtlpSignal>,
    /// Metrics.
    pub metrics: Option<OtlpSignal>,
}

/// Where one signal goes over OTLP, as `http/protobuf`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OtlpSignal {
    /// The whole URL, with the path of the signal.
    pub endpoint: String,
    /// Headers of each request. Names are in lower case; both parts are valid in HTTP.
    pub headers: Vec<(String, SecretString)>,
    /// Longest wait for the answer to a request.
    pub timeout: Duration,
    /// Compression of each request.
    pub compression: Compression,
}

impl OtlpSignal {
    /// Spans to the OTLP endpoint of a DSN's project.
    #[cfg_attr(
        not(feature = "sentry"),
        expect(dead_code, reason = "Sentry is not in the build")
    )]
    pub(crate) fn spans_to_sentry(dsn: &Dsn) -> Self {
        let key = dsn.public_key().expose_secret();
        let auth = format!("sentry sentry_key={key}");
        Self {
            endpoint: with_path(dsn.otlp_endpoint(), TRACES.path),
            headers: vec![("x-sentry-auth".to_owned(), auth.into())],
            timeout: DEFAULT_TIMEOUT,
            compression: Compression::Gzip,
        }
    }

    /// Whether this is the OTLP endpoint of a DSN's project.
    fn is_of(&self, dsn: &Dsn) -> bool {
        // Parsed, so that default ports and letters of the host do not matter.
        let base = Url::parse(dsn.otlp_endpoint());
        let own = Url::parse(&self.endpoint);
        base.is_ok_and(|base| {
            own.is_ok_and(|own| {
                let rest = own.path().strip_prefix(base.path());
                base.origin() == own.origin() && rest.is_some_and(|it| it.starts_with('/'))
            })
        })
    }
}

/// Compression of OTLP requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// gzip.
    Gzip,
}

impl OtlpConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let common = Settings::read(reader, &COMMON, "signals without one of their own");
        Self {
            traces: read_signal(reader, &common, &TRACES),
            logs: read_signal(reader, &common, &LOGS),
            metrics: read_signal(reader, &common, &METRICS),
        }
    }

    /// Leaves out what would be in one Sentry project twice, and reports it; reports spans that are to go to a collector
    /// which is not named, too.
    pub(super) fn check_against(&mut self, sentry: &SentryConfig, reader: &mut Reader<'_>) {
        if sentry.traces == SentryTraces::Collector && self.traces.is_none() {
            reader.report(
                &names::MCP_TELEMETRY_SENTRY_TRACES,
                "`collector` needs an OTLP endpoint for traces, which is not set",
                "spans go nowhere",
            );
        }
        let Some(dsn) = &sentry.dsn else { return };
        let way = sentry.traces;
        if !matches!(way, SentryTraces::Collector | SentryTraces::Off)
            && let Some(signal) = self.traces.take_if(|signal| signal.is_of(dsn))
        {
            let problem = format!("which gets the spans by `{}`", way.as_str());
            report_twice(reader, &TRACES.settings, &signal, &problem);
        }
        if sentry.enable_logs
            && let Some(signal) = self.logs.take_if(|signal| signal.is_of(dsn))
        {
            report_twice(
                reader,
                &LOGS.settings,
                &signal,
                "which gets the logs by the SDK",
            );
        }
    }

    /// Whether no signal goes out over OTLP.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.traces.is_none() && self.logs.is_none() && self.metrics.is_none()
    }
}

/// The five variables that exist in common and for each signal.
struct SettingNames {
    endpoint: Variable,
    headers: Variable,
    timeout: Variable,
    compression: Variable,
    protocol: Variable,
}

struct Signal {
    /// In messages.
    name: &'static str,
    /// Appended to the common endpoint.
    path: &'static str,
    exporter: Variable,
    settings: SettingNames,
}

const COMMON: SettingNames = SettingNames {
    endpoint: names::OTEL_EXPORTER_OTLP_ENDPOINT,
    headers: names::OTEL_EXPORTER_OTLP_HEADERS,
    timeout: names::OTEL_EXPORTER_OTLP_TIMEOUT,
    compression: names::OTEL_EXPORTER_OTLP_COMPRESSION,
    protocol: names::OTEL_EXPORTER_OTLP_PROTOCOL,
};

const TRACES: Signal = Signal {
    name: "traces",
    path: "/v1/traces",
    exporter: names::OTEL_TRACES_EXPORTER,
    settings: SettingNames {
        endpoint: names::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
        headers: names::OTEL_EXPORTER_OTLP_TRACES_HEADERS,
        timeout: names::OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
        compression: names::OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,
        protocol: names::OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
    },
};

const LOGS: Signal = Signal {
    name: "logs",
    path: "/v1/logs",
    exporter: names::OTEL_LOGS_EXPORTER,
    settings: SettingNames {
        endpoint: names::OTEL_EXPORTER_OTLP_LOGS_ENDPOINT,
        headers: names::OTEL_EXPORTER_OTLP_LOGS_HEADERS,
        timeout: names::OTEL_EXPORTER_OTLP_LOGS_TIMEOUT,
        compression: names::OTEL_EXPORTER_OTLP_LOGS_COMPRESSION,
        protocol: names::OTEL_EXPORTER_OTLP_LOGS_PROTOCOL,
    },
};

const METRICS: Signal = Signal {
    name: "metrics",
    path: "/v1/metrics",
    exporter: names::OTEL_METRICS_EXPORTER,
    settings: SettingNames {
        endpoint: names::OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
        headers: names::OTEL_EXPORTER_OTLP_METRICS_HEADERS,
        timeout: names::OTEL_EXPORTER_OTLP_METRICS_TIMEOUT,
        compression: names::OTEL_EXPORTER_OTLP_METRICS_COMPRESSION,
        protocol: names::OTEL_EXPORTER_OTLP_METRICS_PROTOCOL,
    },
};

/// A value that was not given, is wrong, or is good.
enum Given<T> {
    Unset,
    Wrong,
    Good(T),
}

/// The five values. A wrong timeout or compression counts as unset; a wrong endpoint or protocol turns off what it concerns,
/// because sending elsewhere or otherwise than asked is no fallback.
struct Settings {
    endpoint: Given<Url>,
    headers: Option<Vec<(String, SecretString)>>,
    timeout: Option<Duration>,
    compression: Option<Compression>,
    protocol: Given<()>,
}

impl Settings {
    fn read(reader: &mut Reader<'_>, names: &SettingNames, concerned: &str) -> Self {
        let off = format!("{concerned} are not exported over OTLP");
        Self {
            endpoint: read_endpoint(reader, &names.endpoint, &off),
            headers: read_headers(reader, &names.headers),
            timeout: reader.milliseconds(&names.timeout),
            compression: reader.optional_one_of(
                &names.compression,
                &[("gzip", Compression::Gzip), ("none", Compression::None)],
            ),
            protocol: read_protocol(reader, &names.protocol, &off),
        }
    }
}

fn read_signal(reader: &mut Reader<'_>, common: &Settings, signal: &Signal) -> Option<OtlpSignal> {
    let asked_for = read_exporter(reader, signal);
    let own = Settings::read(reader, &signal.settings, signal.name);

    let endpoint = match (own.endpoint, &common.endpoint) {
        (Given::Wrong, _) | (Given::Unset, Given::Wrong) => return None,
        (Given::Good(url), _) => Some(url.to_string()),
        (Given::Unset, Given::Good(base)) => Some(with_path(base.as_str(), signal.path)),
        (Given::Unset, Given::Unset) => None,
    };
    let protocol_is_wrong = matches!(
        (own.protocol, &common.protocol),
        (Given::Wrong, _) | (Given::Unset, Given::Wrong)
    );
    if protocol_is_wrong || !asked_for.unwrap_or(endpoint.is_some()) {
        return None;
    }
    Some(OtlpSignal {
        endpoint: endpoint.unwrap_or_else(|| with_path(DEFAULT_ENDPOINT, signal.path)),
        headers: own
            .headers
            .or_else(|| common.headers.clone())
            .unwrap_or_default(),
        timeout: own.timeout.or(common.timeout).unwrap_or(DEFAULT_TIMEOUT),
        compression: own.compression.or(common.compression).unwrap_or_default(),
    })
}

fn report_twice(reader: &mut Reader<'_>, names: &SettingNames, signal: &OtlpSignal, already: &str) {
    // The variable that is to blame.
    let own = reader.text(&names.endpoint).is_some();
    let variable = if own {
        &names.endpoint
    } else {
        &COMMON.endpoint
    };
    let endpoint = shown(&signal.endpoint);
    reader.report(
        variable,
        format!("{endpoint} belongs to the project of SENTRY_DSN, {already}"),
        "they are sent once",
    );
}

fn with_path(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}

/// Whether the list of exporters names OTLP. `None` when there is no list.
fn read_exporter(reader: &mut Reader<'_>, signal: &Signal) -> Option<bool> {
    let items = reader.list(&signal.exporter)?;
    let named = |word: &str| items.iter().any(|item| item.eq_ignore_ascii_case(word));
    let otlp = named("otlp");
    let fallback = if otlp {
        "`otlp` alone is used".to_owned()
    } else {
        format!("{} are not exported over OTLP", signal.name)
    };
    for item in &items {
        let problem = match item.to_ascii_lowercase().as_str() {
            "otlp" => continue,
            "none" if items.len() == 1 => continue,
            "none" => "cannot stand beside another exporter",
            "console" => "is refused because stdout may carry the MCP protocol",
            _ => "is not a known exporter",
        };
        reader.report(
            &signal.exporter,
            format!("{} {problem}", shown(item)),
            fallback.clone(),
        );
    }
    Some(otlp)
}

fn read_endpoint(reader: &mut Reader<'_>, variable: &Variable, off: &str) -> Given<Url> {
    let Some(text) = reader.text(variable) else {
        return Given::Unset;
    };
    match check_endpoint(&text) {
        Ok(url) => Given::Good(url),
        Err(problem) => {
            reader.report(variable, problem, off);
            Given::Wrong
        }
    }
}

fn check_endpoint(text: &str) -> Result<Url, String> {
    // What is no URL is not shown: it may be headers in the wrong variable.
    let url = Url::parse(text).map_err(|error| format!("the value is not a URL ({error})"))?;
    let problem = if !["http", "https"].contains(&url.scheme()) || !text.contains("://") {
        "does not start with `http://` or `https://`"
    } else if !url.username().is_empty() || url.password().is_some() {
        "holds credentials, which belong into the headers"
    } else if url.query().is_some() {
        "has a query"
    } else if url.fragment().is_some() {
        "has a fragment"
    } else {
        return Ok(url);
    };
    Err(format!("{} {problem}", shown(text)))
}

fn read_protocol(reader: &mut Reader<'_>, variable: &Variable, off: &str) -> Given<()> {
    let Some(text) = reader.text(variable) else {
        return Given::Unset;
    };
    if text.eq_ignore_ascii_case("http/protobuf") {
        return Given::Good(());
    }
    reader.report(variable, format!("{} is not supported", shown(&text)), off);
    Given::Wrong
}

/// Wrong pairs are left out; the good ones stay.
fn read_headers(
    reader: &mut Reader<'_>,
    variable: &Variable,
) -> Option<Vec<(String, SecretString)>> {
    let text = reader.text(variable)?;
    let mut headers = Vec::new();
    for (position, pair) in pairs::parse(&text) {
        match pair.and_then(|(name, value)| check_header(position, &name, value)) {
            Ok(header) => headers.push(header),
            Err(problem) => {
                reader.report(variable, problem.to_string(), "this header is left out");
            }
        }
    }
    Some(headers)
}

fn check_header(
    position: usize,
    name: &str,
    value: String,
) -> Result<(String, SecretString), PairProblem> {
    let wrong = |fault| PairProblem::new(position, fault);
    let name = HeaderName::try_from(name).map_err(|_| wrong(Fault::HeaderName))?;
    HeaderValue::try_from(value.as_str()).map_err(|_| wrong(Fault::HeaderValue))?;
    Ok((name.as_str().to_owned(), SecretString::from(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (text, expected) in [
            ("http://localhost:4318", Ok("http://localhost:4318/")),
            (
                "https://Host.example/base/",
                Ok("https://host.example/base/"),
            ),
            ("http://[::1]:4318", Ok("http://[::1]:4318/")),
            ("localhost:4318", Err("does not start with")),
            ("http:host", Err("does not start with")),
            ("grpc://host:4317", Err("does not start with")),
            ("host", Err("is not a URL")),
            ("http://", Err("is not a URL")),
            ("http://h:99999", Err("is not a URL")),
            ("http://u@h", Err("holds credentials")),
            ("http://u:p@h", Err("holds credentials")),
            ("http://h?key=1", Err("has a query")),
            ("http://h#x", Err("has a fragment")),
        ] {
            match (check_endpoint(text), expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url.as_str(), expected),
                (Err(problem), Err(expected)) => {
                    assert!(problem.contains(expected), "{problem}")
                }
                (found, expected) => panic!("{text}: found {found:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn the_path_of_a_signal_follows_one_slash() {
        assert_eq!(with_path("http://h/", "/v1/logs"), "http://h/v1/logs");
        assert_eq!(with_path("http://h/a/", "/v1/logs"), "http://h/a/v1/logs");
        assert_eq!(
            with_path(DEFAULT_ENDPOINT, "/v1/traces"),
            "http://localhost:4318/v1/traces"
        );
    }
}

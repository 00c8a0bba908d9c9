//! Settings of the Sentry sink.

use std::borrow::Cow;

use telemetry_sanitizer::{MARKER, Sanitizer};

use super::AppInfo;
use super::dsn::Dsn;
use super::reader::{Reader, shown, uses_default};
use super::variables::{Kind, Variable, names};

/// Settings of the Sentry sink.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SentryConfig {
    /// `SENTRY_DSN`. `None`: Sentry is off.
    pub dsn: Option<Dsn>,
    /// `SENTRY_ENVIRONMENT`, in a form that Sentry keeps.
    pub environment: String,
    /// `SENTRY_RELEASE`, in a form that Sentry keeps.
    pub release: String,
    /// `SENTRY_TRACES_SAMPLE_RATE`: base rate of the sampling rules, 0.0 to 1.0.
    pub traces_sample_rate: f64,
    /// `SENTRY_PROFILES_SAMPLE_RATE`: share of the sampled traces that are profiled, 0.0 to 1.0.
    pub profiles_sample_rate: f64,
    /// `SENTRY_DEBUG`: diagnostics of the Sentry SDK.
    pub debug: bool,
    /// `SENTRY_ENABLE_LOGS`: events become Sentry logs.
    pub enable_logs: bool,
    /// `SENTRY_SEND_PII`: sanitized tool inputs and outputs go into traces.
    pub send_pii: bool,
    /// `MCP_TELEMETRY_SENTRY_TRACES`: how spans reach Sentry.
    pub traces: SentryTraces,
}

/// How spans reach Sentry. Errors, logs and sessions go there by the SDK in each case, with the trace and span ids of the
/// spans.
///
/// Over OTLP, Sentry drops the events of spans: in all ways but [`Off`](Self::Off), exceptions among them become error events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SentryTraces {
    /// Our own conversion sends them as transactions.
    #[default]
    Bridge,
    /// The SDK's own `SentrySpanProcessor` sends them as transactions, for comparison. It has its limits: the op is the
    /// span's name, span events and links are dropped, an error's status is mostly `unknown_error`, a child that ends after
    /// its parent is lost, so are traces that are kept at their end, a span that never ends stays in memory, and all
    /// threads wait for one lock.
    Stock,
    /// OTLP to the project's own endpoint, which follows from the DSN.
    Otlp,
    /// OTLP to a collector, which sends them on: `OTEL_EXPORTER_OTLP_ENDPOINT`.
    Collector,
    /// Not at all: errors, logs and sessions only.
    Off,
}

impl SentryTraces {
    const WORDS: [(&'static str, Self); 5] = [
        ("bridge", Self::Bridge),
        ("stock", Self::Stock),
        ("otlp", Self::Otlp),
        ("collector", Self::Collector),
        ("off", Self::Off),
    ];

    /// As `MCP_TELEMETRY_SENTRY_TRACES` calls it.
    ///
    /// ```
    /// use mcp_telemetry::config::SentryTraces;
    ///
    /// assert_eq!(SentryTraces::default().as_str(), "bridge");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Stock => "stock",
            Self::Otlp => "otlp",
            Self::Collector => "collector",
            Self::Off => "off",
        }
    }
}

impl SentryConfig {
    pub(super) fn read(reader: &mut Reader<'_>, app: &AppInfo) -> Self {
        let default_release = clean(&format!("{}@{}", app.name, app.version), &RELEASE);
        Self {
            dsn: read_dsn(reader),
            environment: read_name(reader, &names::SENTRY_ENVIRONMENT, &ENVIRONMENT)
                .unwrap_or_else(|| names::SENTRY_ENVIRONMENT.default.to_owned()),
            release: read_name(reader, &names::SENTRY_RELEASE, &RELEASE)
                .or(default_release)
                .unwrap_or_else(|| "app@0.0.0".to_owned()),
            traces_sample_rate: reader.rate(&names::SENTRY_TRACES_SAMPLE_RATE, 1.0),
            profiles_sample_rate: reader.rate(&names::SENTRY_PROFILES_SAMPLE_RATE, 0.1),
            debug: reader.switch(&names::SENTRY_DEBUG, false),
            enable_logs: reader.switch(&names::SENTRY_ENABLE_LOGS, true),
            send_pii: reader.switch(&names::SENTRY_SEND_PII, true),
            traces: reader.one_of(
                &names::MCP_TELEMETRY_SENTRY_TRACES,
                &SentryTraces::WORDS,
                SentryTraces::Bridge,
            ),
        }
    }

    /// Cleans the names that go out with everything, by the app's own rules too; in a form that
    /// Sentry keeps.
    pub(crate) fn sanitize(&mut self, sanitizer: &Sanitizer) {
        for (name, rules) in [
            (&mut self.environment, &ENVIRONMENT),
            (&mut self.release, &RELEASE),
        ] {
            let cleaned = match sanitizer.text(name) {
                Cow::Borrowed(_) => continue,
                Cow::Owned(cleaned) => clean(&cleaned, rules),
            };
            *name = cleaned.unwrap_or_else(|| MARKER.to_owned());
        }
    }
}

fn read_dsn(reader: &mut Reader<'_>) -> Option<Dsn> {
    let variable = &names::SENTRY_DSN;
    match reader.text(variable)?.parse() {
        Ok(dsn) => Some(dsn),
        Err(error) => {
            reader.report(variable, format!("the value {error}"), "Sentry stays off");
            None
        }
    }
}

/// Sentry's rules for a name. A name that breaks them costs the session, or is dropped from the event.
struct NameRules {
    /// Longest name in bytes.
    limit: usize,
    /// Names with a meaning of their own, in lower case.
    reserved: &'static [&'static str],
}

const ENVIRONMENT: NameRules = NameRules {
    limit: 64,
    reserved: &["none", ".", ".."],
};

const RELEASE: NameRules = NameRules {
    limit: 200,
    reserved: &["latest", ".", ".."],
};

/// Reads a name, reports what Sentry would refuse, and makes it acceptable. `None`: the default holds.
fn read_name(reader: &mut Reader<'_>, variable: &Variable, rules: &NameRules) -> Option<String> {
    debug_assert!(matches!(variable.kind, Kind::Environment | Kind::Release));
    // Before it is cut: of a secret without its end the sanitizer may not know what it is.
    let value = reader.text(variable)?;
    let value = Sanitizer::default().text(&value).into_owned();
    let cleaned = clean(&value, rules);
    if cleaned.as_deref() == Some(value.as_str()) {
        return cleaned;
    }
    let problem = if cleaned.is_none() {
        "is a reserved word"
    } else if value.chars().any(is_refused) {
        "has characters that Sentry refuses"
    } else {
        "is too long"
    };
    let fallback = match &cleaned {
        Some(name) => format!("{} is used instead", shown(name)),
        None => uses_default(variable),
    };
    reader.report(variable, format!("{} {problem}", shown(&value)), fallback);
    cleaned
}

/// The name with `-` for each refused character, cut to the limit. `None` for a reserved or empty name.
fn clean(name: &str, rules: &NameRules) -> Option<String> {
    let mut cleaned: String = name
        .chars()
        .map(|c| if is_refused(c) { '-' } else { c })
        .collect();
    while cleaned.len() > rules.limit {
        cleaned.pop();
    }
    let cleaned = cleaned.trim().to_owned();
    let reserved = rules
        .reserved
        .iter()
        .any(|word| word.eq_ignore_ascii_case(&cleaned));
    (!cleaned.is_empty() && !reserved).then_some(cleaned)
}

fn is_refused(c: char) -> bool {
    c == '/' || c == '\\' || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cleaned() {
        for (name, environment, release) in [
            ("production", Some("production"), Some("production")),
            ("prod env", Some("prod env"), Some("prod env")),
            ("a/b\\c\nd", Some("a-b-c-d"), Some("a-b-c-d")),
            ("None", None, Some("None")),
            ("LATEST", Some("LATEST"), None),
            (".", None, None),
            ("..", None, None),
            ("", None, None),
            (
                "app@1.0.0+build",
                Some("app@1.0.0+build"),
                Some("app@1.0.0+build"),
            ),
        ] {
            assert_eq!(clean(name, &ENVIRONMENT).as_deref(), environment, "{name}");
            assert_eq!(clean(name, &RELEASE).as_deref(), release, "{name}");
        }
    }

    #[test]
    fn secrets_in_names_are_redacted() {
        let app = AppInfo::new("app", "1");
        let config = crate::config::Config::from_lookup(app, |key| match key {
            "SENTRY_ENVIRONMENT" => Some("eu token=abc".to_owned()),
            "SENTRY_RELEASE" => Some("app@1.2.3+5f3a".to_owned()),
            _ => None,
        });
        let mut sentry = config.unwrap().sentry;
        sentry.sanitize(&Sanitizer::default());
        assert_eq!(sentry.environment, "eu token=***REDACTED***");
        assert_eq!(sentry.release, "app@1.2.3+5f3a");
    }

    #[test]
    fn long_names_are_cut_at_a_character() {
        let cut = clean(&"é".repeat(150), &RELEASE).unwrap();
        assert_eq!(cut.len(), 200);
        let cut = clean(&format!("x{}", "é".repeat(150)), &RELEASE).unwrap();
        assert_eq!(cut.len(), 199);
        assert_eq!(clean(&"x".repeat(64), &ENVIRONMENT).unwrap().len(), 64);
        assert_eq!(clean(&"x".repeat(65), &ENVIRONMENT).unwrap().len(), 64);
    }
}

//! Settings from environment variables.
//!
//! [`Config::from_env`] reads all of them once, at start. Wrong values are not met one by one: [`ConfigErrors`] lists
//! every wrong variable with what is wrong, the accepted form and what happens instead.
//!
//! A server must run on even with wrong telemetry settings. [`Config::from_lookup_lenient`] therefore always yields a
//! [`Config`], in which the part concerned has fallen back: a wrong DSN turns Sentry off, a wrong OTLP endpoint turns off the
//! signals it concerns, a wrong rate becomes the default.
//!
//! Tests and embedders give the variables themselves, so nothing here needs the process environment:
//!
//! ```
//! use mcp_telemetry::config::{AppInfo, Config};
//!
//! let config = Config::from_lookup(AppInfo::new("mcp-server-splunk", "0.4.0"), |key| match key {
//!     "SENTRY_DSN" => Some("https://examplekey@o1.ingest.sentry.io/42".to_owned()),
//!     "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://collector:4318".to_owned()),
//!     _ => None,
//! })?;
//! assert_eq!(config.sentry.release, "mcp-server-splunk@0.4.0");
//! assert_eq!(config.otlp.traces.unwrap().endpoint, "http://collector:4318/v1/traces");
//! # Ok::<_, mcp_telemetry::config::ConfigErrors>(())
//! ```
//!
//! Rules for all variables: white space around a value does not count; an empty value is an unset one; words are
//! compared without regard to case. [`VARIABLES`] is the list, [`markdown_table`] the same as documentation. Secrets
//! (the DSN's keys and header values) are in no `Debug` and in no message.

mod dsn;
mod error;
mod mcp;
mod otlp;
mod pairs;
mod reader;
mod resource;
mod sampling;
mod sentry;
mod spool;
mod variables;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use dsn::{Dsn, DsnError};
pub use error::{ConfigErrors, ConfigProblem};
pub use mcp::{McpConfig, McpParent, Notifications, Propagator};
pub use otlp::{Compression, OtlpConfig, OtlpSignal};
pub use resource::ResourceConfig;
pub use sampling::{Keep, SamplingConfig};
pub use sentry::{SentryConfig, SentryTraces};
pub use spool::SpoolConfig;
pub use variables::{Kind, MAX_MILLISECONDS, MIN_SPOOL_BYTES, VARIABLES, Variable, markdown_table};

use reader::Reader;
use variables::names;

/// The app that is observed. Its name and version are the defaults of service name and release.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppInfo {
    /// Name, for example `mcp-server-splunk`.
    pub name: String,
    /// Version, for example `0.4.0`.
    pub version: String,
}

impl AppInfo {
    /// An app by its name and version, usually `env!("CARGO_PKG_NAME")` and `env!("CARGO_PKG_VERSION")`.
    ///
    /// # Example
    ///
    /// ```
    /// let app = mcp_telemetry::config::AppInfo::new("mcp-server-splunk", "0.4.0");
    /// assert_eq!(app.version, "0.4.0");
    /// ```
    #[must_use]
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
        }
    }
}

/// All settings. See the [module](self) for the rules and [`VARIABLES`] for the variables.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The app, as given.
    pub app: AppInfo,
    /// The Sentry sink.
    pub sentry: SentryConfig,
    /// Which traces are kept.
    pub sampling: SamplingConfig,
    /// The OTLP exporters.
    pub otlp: OtlpConfig,
    /// What the telemetry is about.
    pub resource: ResourceConfig,
    /// `OTEL_PROPAGATORS`, in the given order, without repetition. Empty: nothing is propagated.
    pub propagators: Vec<Propagator>,
    /// `MCP_TELEMETRY_STRICT_CONTINUATION`: whether a Sentry trace is continued only where both
    /// sides name the same organization.
    pub strict_continuation: bool,
    /// `MCP_TELEMETRY_PROPAGATION_TARGETS`: hosts that outgoing HTTP requests tell the trace, as
    /// `host`, `host:port` or with `*`. Empty: none.
    pub propagation_targets: Vec<String>,
    /// How MCP requests are traced.
    pub mcp: McpConfig,
    /// `MCP_TELEMETRY_REDACT_KEYS`: attribute keys that are redacted beside the built-in ones, as written.
    pub redact_keys: Vec<String>,
    /// `OTEL_SDK_DISABLED`.
    pub sdk_disabled: bool,
    /// `MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS`: longest wait for unsent data at shutdown.
    pub shutdown_timeout: Duration,
    /// Where what is not sent yet waits on disk. `None`: in memory alone.
    pub spool: Option<SpoolConfig>,
}

impl Config {
    /// Reads the environment of the process.
    ///
    /// A value that is not Unicode is read with replacement characters, so that it is reported rather than passed over.
    ///
    /// # Errors
    ///
    /// Every wrong variable at once.
    ///
    /// # Example
    ///
    /// ```
    /// use mcp_telemetry::config::{AppInfo, Config};
    ///
    /// match Config::from_env(AppInfo::new("app", "1.0.0")) {
    ///     Ok(config) => assert_eq!(config.app.name, "app"),
    ///     Err(errors) => assert!(!errors.problems().is_empty()),
    /// }
    /// ```
    pub fn from_env(app: AppInfo) -> Result<Self, ConfigErrors> {
        Self::from_lookup(app, process_environment)
    }

    /// Reads the environment of the process; what is wrong falls back.
    ///
    /// # Example
    ///
    /// ```
    /// use mcp_telemetry::config::{AppInfo, Config};
    ///
    /// let (config, errors) = Config::from_env_lenient(AppInfo::new("app", "1.0.0"));
    /// if let Some(errors) = errors {
    ///     eprintln!("{errors}");
    /// }
    /// assert_eq!(config.app.version, "1.0.0");
    /// ```
    #[must_use]
    pub fn from_env_lenient(app: AppInfo) -> (Self, Option<ConfigErrors>) {
        Self::from_lookup_lenient(app, process_environment)
    }

    /// Reads variables through `lookup`, which returns the value of a name or `None`.
    ///
    /// # Errors
    ///
    /// Every wrong variable at once.
    ///
    /// # Example
    ///
    /// ```
    /// use mcp_telemetry::config::{AppInfo, Config};
    ///
    /// let app = AppInfo::new("app", "1.0.0");
    /// let config = Config::from_lookup(app.clone(), |_| None)?;
    /// assert_eq!(config.sentry.environment, "development");
    /// assert!(config.sentry.dsn.is_none() && config.otlp.is_off());
    ///
    /// assert!(Config::from_lookup(app, |_| Some("?".to_owned())).is_err());
    /// # Ok::<_, mcp_telemetry::config::ConfigErrors>(())
    /// ```
    pub fn from_lookup(
        app: AppInfo,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigErrors> {
        match Self::from_lookup_lenient(app, lookup) {
            (config, None) => Ok(config),
            (_, Some(errors)) => Err(errors),
        }
    }

    /// The base rate of the sampling rules, 0.0 to 1.0: `SENTRY_TRACES_SAMPLE_RATE`, or without
    /// it what `OTEL_TRACES_SAMPLER` stands for.
    #[must_use]
    pub fn base_rate(&self) -> f64 {
        let own = self.sentry.traces_sample_rate;
        self.sampling.otel_rate.unwrap_or(own)
    }

    /// Reads variables through `lookup`; what is wrong falls back and is listed beside the settings.
    ///
    /// # Example
    ///
    /// ```
    /// use mcp_telemetry::config::{AppInfo, Config};
    ///
    /// let (config, errors) = Config::from_lookup_lenient(AppInfo::new("app", "1.0.0"), |key| {
    ///     (key == "SENTRY_DSN").then(|| "https://examplekey@host/project-id".to_owned())
    /// });
    /// assert!(config.sentry.dsn.is_none());
    /// assert_eq!(
    ///     errors.unwrap().problems()[0].to_string(),
    ///     "SENTRY_DSN: the value does not end in a project number; \
    ///      expected `https://<public key>@<host>/<project number>`; Sentry stays off",
    /// );
    /// ```
    #[must_use]
    pub fn from_lookup_lenient(
        app: AppInfo,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> (Self, Option<ConfigErrors>) {
        let mut reader = Reader::new(&lookup);
        let mut config = Self {
            sentry: SentryConfig::read(&mut reader, &app),
            sampling: SamplingConfig::read(&mut reader),
            sdk_disabled: reader.otel_boolean(&names::OTEL_SDK_DISABLED),
            resource: ResourceConfig::read(&mut reader, &app),
            otlp: OtlpConfig::read(&mut reader),
            propagators: mcp::read_propagators(&mut reader),
            strict_continuation: reader.switch(&names::MCP_TELEMETRY_STRICT_CONTINUATION, false),
            propagation_targets: mcp::read_targets(&mut reader),
            mcp: McpConfig::read(&mut reader),
            redact_keys: reader
                .list(&names::MCP_TELEMETRY_REDACT_KEYS)
                .unwrap_or_default(),
            shutdown_timeout: reader
                .milliseconds(&names::MCP_TELEMETRY_SHUTDOWN_TIMEOUT_MS)
                .unwrap_or(Duration::from_secs(2)),
            spool: SpoolConfig::read(&mut reader),
            app,
        };
        config.otlp.check_against(&config.sentry, &mut reader);
        (config, reader.finish())
    }
}

fn process_environment(key: &str) -> Option<String> {
    std::env::var_os(key).map(|value| value.to_string_lossy().into_owned())
}

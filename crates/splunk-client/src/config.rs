//! Where Splunk is and how to get in.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use crate::settings::{self, ConfigError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
const RESPONSE_LIMIT: usize = 64 * 1024 * 1024;

/// Whether calls are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP, for simulators and tests.
    Http,
    /// HTTP over TLS, as splunkd serves it.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a client proves who it is. Secrets do not show in `Debug`.
#[derive(Debug, Clone)]
pub(crate) enum Credentials {
    Token(SecretString),
    Login {
        username: String,
        password: SecretString,
    },
}

/// Where Splunk is, how to get in, and how long to wait.
///
/// `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct SplunkConfig {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Credentials,
    pub(crate) verify_tls: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) response_limit: usize,
}

impl SplunkConfig {
    /// Reads the settings from a look-up, such as the environment. An empty value counts as not set.
    ///
    /// | variable | form | default |
    /// |---|---|---|
    /// | `SPLUNK_HOST` | a host name or IP address | - |
    /// | `SPLUNK_PORT` | 1 to 65535 | 8089 |
    /// | `SPLUNK_SCHEME` | `https` or `http` | `https` |
    /// | `SPLUNK_TOKEN` | an authentication token | - |
    /// | `SPLUNK_USERNAME`, `SPLUNK_PASSWORD` | a user, when there is no token | - |
    /// | `SPLUNK_VERIFY_SSL` | `true`, `1`, `yes`, `on` or `false`, `0`, `no`, `off` | `true` |
    ///
    /// With a token, user and password are not looked at.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every setting that is missing or wrong, and the form each should have.
    ///
    /// ```
    /// use splunk_client::SplunkConfig;
    ///
    /// let config = SplunkConfig::from_lookup(|name| match name {
    ///     "SPLUNK_HOST" => Some("splunk.example".to_owned()),
    ///     "SPLUNK_TOKEN" => Some("a-token".to_owned()),
    ///     _ => None,
    /// })?;
    /// assert_eq!(config.base_url(), "https://splunk.example:8089");
    /// assert!(!format!("{config:?}").contains("a-token"));
    ///
    /// // In a program:
    /// let from_env = SplunkConfig::from_lookup(|name| std::env::var(name).ok());
    /// # let _ = from_env;
    /// # Ok::<(), splunk_client::ConfigError>(())
    /// ```
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let settings = settings::read(lookup)?;
        Ok(Self {
            scheme: settings.scheme,
            host: settings.host,
            port: settings.port,
            credentials: settings.credentials,
            verify_tls: settings.verify_tls,
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            response_limit: RESPONSE_LIMIT,
        })
    }

    /// Sets how long a call may take to connect; 10 seconds unless set.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long a call may take as a whole, with log-in and repetition; 60 seconds unless set.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the largest answer that is read, in bytes; 64 MiB unless set.
    #[must_use]
    pub fn with_response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = bytes;
        self
    }

    /// The scheme of every call.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host name or IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the server's certificate is verified.
    #[must_use]
    pub fn verifies_tls(&self) -> bool {
        self.verify_tls
    }

    /// Scheme, host and port, such as `https://splunk.example:8089`.
    #[must_use]
    pub fn base_url(&self) -> String {
        let Self {
            scheme, host, port, ..
        } = self;
        // Only an IPv6 address has a colon.
        if host.contains(':') {
            format!("{scheme}://[{host}]:{port}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }
}

//! A Sentry DSN, checked but not yet used.
//!
//! It does not need the `sentry` feature, so a build without Sentry still tells a wrong DSN from a right one.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// A well-formed Sentry DSN: `{http|https}://{public key}[:{secret key}]@{host}[:{port}][/{prefix}]/{project number}`.
///
/// `Display` and `Debug` show `***` for the keys.
///
/// # Example
///
/// ```
/// use mcp_telemetry::config::Dsn;
///
/// let dsn: Dsn = "https://examplekey@o1.ingest.sentry.io/42".parse()?;
/// assert_eq!(dsn.project_id(), "42");
/// assert_eq!(dsn.to_string(), "https://***@o1.ingest.sentry.io/42");
/// assert_eq!(dsn.expose(), "https://examplekey@o1.ingest.sentry.io/42");
/// # Ok::<_, mcp_telemetry::config::DsnError>(())
/// ```
#[derive(Clone)]
pub struct Dsn {
    /// The text as given.
    secret: SecretString,
    /// The text with `***` for the keys.
    masked: String,
    public_key: SecretString,
    host: String,
    project_id: String,
    otlp_endpoint: String,
}

/// What is wrong with a DSN. Never says what the DSN is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DsnError {
    /// It is no URL.
    #[error("is not a URL ({reason})")]
    Url {
        /// What the URL parser says.
        reason: String,
    },
    /// Its scheme is neither `http` nor `https`.
    #[error("does not start with `http://` or `https://`")]
    Scheme,
    /// There is no key before the `@`.
    #[error("has no public key before `@`")]
    PublicKey,
    /// There is no project at the end, or it is no number.
    #[error("does not end in a project number")]
    Project,
}

impl Dsn {
    /// The whole DSN, with its keys.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// The public key, which goes into the `x-sentry-auth` header.
    #[must_use]
    pub fn public_key(&self) -> &SecretString {
        &self.public_key
    }

    /// The host, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The project number.
    #[must_use]
    pub fn project_id(&self) -> &str {
        &self.project_id
    }

    /// The base URL of the project's own OTLP endpoint, to which `/v1/traces` and `/v1/logs` are appended. Requests need the
    /// header `x-sentry-auth: sentry sentry_key=<public key>`.
    ///
    /// ```
    /// use mcp_telemetry::config::Dsn;
    ///
    /// let dsn: Dsn = "https://examplekey@o1.ingest.sentry.io/42".parse()?;
    /// let endpoint = "https://o1.ingest.sentry.io/api/42/integration/otlp";
    /// assert_eq!(dsn.otlp_endpoint(), endpoint);
    /// # Ok::<_, mcp_telemetry::config::DsnError>(())
    /// ```
    #[must_use]
    pub fn otlp_endpoint(&self) -> &str {
        &self.otlp_endpoint
    }
}

impl FromStr for Dsn {
    type Err = DsnError;

    /// Checks a DSN. Surrounding white space does not matter.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, read from left to right.
    fn from_str(text: &str) -> Result<Self, DsnError> {
        let text = text.trim();
        let url = Url::parse(text).map_err(|error| DsnError::Url {
            reason: error.to_string(),
        })?;
        // The URL parser also takes `https:key@host/1`.
        let starts_well = ["http", "https"].contains(&url.scheme()) && text.contains("://");
        if !starts_well {
            return Err(DsnError::Scheme);
        }
        if url.username().is_empty() {
            return Err(DsnError::PublicKey);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let path = url.path().trim_matches('/');
        let project_id = path.rsplit('/').next().unwrap_or_default();
        if project_id.is_empty() || !project_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DsnError::Project);
        }
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        // What stands before the project, where Sentry is not at the root of its host.
        let prefix = path.strip_suffix(project_id).unwrap_or_default();
        let origin = format!("{}://{host}{port}", url.scheme());
        Ok(Self {
            otlp_endpoint: format!("{origin}/{prefix}api/{project_id}/integration/otlp"),
            secret: text.into(),
            masked: format!("{}://***@{host}{port}/{path}", url.scheme()),
            public_key: url.username().into(),
            project_id: project_id.to_owned(),
            host,
        })
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dsn").field(&self.masked).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones() {
        for (text, masked, host, project, otlp) in [
            (
                "https://k@h/1",
                "https://***@h/1",
                "h",
                "1",
                "https://h/api/1/integration/otlp",
            ),
            (
                " http://k:s@h:9000/1 ",
                "http://***@h:9000/1",
                "h",
                "1",
                "http://h:9000/api/1/integration/otlp",
            ),
            (
                "https://k@h.example/some/prefix/4507/",
                "https://***@h.example/some/prefix/4507",
                "h.example",
                "4507",
                "https://h.example/some/prefix/api/4507/integration/otlp",
            ),
            (
                "http://k@[::1]:80/7",
                "http://***@[::1]/7",
                "[::1]",
                "7",
                "http://[::1]/api/7/integration/otlp",
            ),
        ] {
            let dsn: Dsn = text.parse().unwrap();
            assert_eq!(dsn.to_string(), masked);
            assert_eq!(dsn.host(), host);
            assert_eq!(dsn.project_id(), project);
            assert_eq!(dsn.otlp_endpoint(), otlp);
            assert_eq!(dsn.public_key().expose_secret(), "k");
            assert_eq!(dsn.expose(), text.trim());
        }
    }

    #[test]
    fn bad_ones() {
        for (text, expected) in [
            ("ftp://k@h/1", DsnError::Scheme),
            ("https:k@h/1", DsnError::Scheme),
            ("https://h/1", DsnError::PublicKey),
            ("https://:s@h/1", DsnError::PublicKey),
            ("https://k@h", DsnError::Project),
            ("https://k@h/", DsnError::Project),
            ("https://k@h/project-id", DsnError::Project),
            ("https://k@h/1a", DsnError::Project),
        ] {
            assert_eq!(text.parse::<Dsn>().unwrap_err(), expected, "{text}");
        }
        for text in ["", "k@h/1", "https://k@/1", "https://k@h:port/1", "%", "\0"] {
            assert!(
                matches!(text.parse::<Dsn>(), Err(DsnError::Url { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn keys_are_shown_nowhere() {
        let dsn: Dsn = "https://hidden1:hidden2@h/1".parse().unwrap();
        for text in [format!("{dsn}"), format!("{dsn:?}"), format!("{dsn:#?}")] {
            assert!(!text.contains("hidden"), "{text}");
        }
        for text in [
            "https://hidden1:hidden2@h/hidden",
            "hidden://hidden@h/1",
            "https://hidden1@h:hidden/1",
        ] {
            let error = text.parse::<Dsn>().unwrap_err();
            assert!(
                !format!("{error} {error:?}").contains("hidden"),
                "{error:?}"
            );
        }
    }
}

//! The `SPLUNK_*` settings: reading them, and saying everything that is wrong with them at once.

use std::fmt;
use std::net::IpAddr;

use secrecy::SecretString;

use crate::config::{Credentials, Scheme};

/// The longest piece of a wrong value that an error shows, in characters.
const SHOWN: usize = 80;

/// What is wrong with the settings: every problem, not only the first.
///
/// Neither `Display` nor `Debug` shows a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Splunk settings cannot be used:{}", list(.problems))]
#[non_exhaustive]
pub struct ConfigError {
    /// The problems, in the order of the settings; never empty.
    pub problems: Vec<ConfigProblem>,
}

/// One setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigProblem {
    /// The name of the variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// The form it should have.
    pub expected: &'static str,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            variable,
            problem,
            expected,
        } = self;
        write!(f, "{variable} {problem}; expected {expected}")
    }
}

fn list(problems: &[ConfigProblem]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  - {problem}"))
        .collect()
}

/// The settings once they are read.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Credentials,
    pub(crate) verify_tls: bool,
}

/// Reads all settings, collecting every problem.
pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Settings, ConfigError> {
    let mut reader = Reader {
        lookup,
        problems: Vec::new(),
    };
    let host = reader.host();
    let port = reader.port();
    let scheme = reader.scheme();
    let credentials = reader.credentials();
    let verify_tls = reader.verify_tls();
    match (host, port, scheme, credentials, verify_tls) {
        (Some(host), Some(port), Some(scheme), Some(credentials), Some(verify_tls)) => {
            Ok(Settings {
                scheme,
                host,
                port,
                credentials,
                verify_tls,
            })
        }
        _ => Err(ConfigError {
            problems: reader.problems,
        }),
    }
}

struct Reader<L> {
    lookup: L,
    problems: Vec<ConfigProblem>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// The value without white space around it; nothing when that leaves nothing.
    fn get(&self, variable: &'static str) -> Option<String> {
        let value = (self.lookup)(variable)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Notes a problem, and gives the nothing that stands for the value.
    fn problem<T>(
        &mut self,
        variable: &'static str,
        problem: impl Into<String>,
        expected: &'static str,
    ) -> Option<T> {
        self.problems.push(ConfigProblem {
            variable,
            problem: problem.into(),
            expected,
        });
        None
    }

    fn host(&mut self) -> Option<String> {
        const NAME: &str = "SPLUNK_HOST";
        const EXPECTED: &str =
            "a host name or IP address without scheme, port or path, such as splunk.example.com";
        let Some(value) = self.get(NAME) else {
            return self.problem(NAME, "is not set", EXPECTED);
        };
        let bare = value
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(&value);
        let is_name = |text: &str| {
            !text.starts_with(['-', '.'])
                && text
                    .chars()
                    .all(|character| character.is_alphanumeric() || "-._".contains(character))
        };
        if bare.parse::<IpAddr>().is_ok() || (bare == value && is_name(bare)) {
            return Some(bare.to_owned());
        }
        // What stands before an @ in a URL may be a password.
        let shown = if value.contains('@') {
            "holds a user or password".to_owned()
        } else {
            wrong(&value)
        };
        self.problem(NAME, shown, EXPECTED)
    }

    fn port(&mut self) -> Option<u16> {
        const NAME: &str = "SPLUNK_PORT";
        let Some(value) = self.get(NAME) else {
            return Some(8089);
        };
        match value.parse() {
            Ok(port @ 1..) => Some(port),
            _ => self.problem(
                NAME,
                wrong(&value),
                "a number from 1 to 65535 (8089 when not set)",
            ),
        }
    }

    fn scheme(&mut self) -> Option<Scheme> {
        const NAME: &str = "SPLUNK_SCHEME";
        let Some(value) = self.get(NAME) else {
            return Some(Scheme::Https);
        };
        match value.to_ascii_lowercase().as_str() {
            "https" => Some(Scheme::Https),
            "http" => Some(Scheme::Http),
            _ => self.problem(NAME, wrong(&value), "https or http (https when not set)"),
        }
    }

    fn verify_tls(&mut self) -> Option<bool> {
        const NAME: &str = "SPLUNK_VERIFY_SSL";
        let Some(value) = self.get(NAME) else {
            return Some(true);
        };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => self.problem(
                NAME,
                wrong(&value),
                "true, 1, yes, on or false, 0, no, off (true when not set)",
            ),
        }
    }

    fn credentials(&mut self) -> Option<Credentials> {
        const TOKEN: &str = "SPLUNK_TOKEN";
        const USERNAME: &str = "SPLUNK_USERNAME";
        const PASSWORD: &str = "SPLUNK_PASSWORD";
        if let Some(token) = self.get(TOKEN) {
            if token.chars().all(|character| character.is_ascii_graphic()) {
                return Some(Credentials::Token(SecretString::from(token)));
            }
            return self.problem(
                TOKEN,
                "*** holds white space or characters outside ASCII",
                "the token as Splunk shows it, without a scheme such as \"Bearer\" before it",
            );
        }
        // White space may belong to a password.
        let password = (self.lookup)(PASSWORD).filter(|password| !password.is_empty());
        match (self.get(USERNAME), password) {
            (Some(username), Some(password)) => Some(Credentials::Login {
                username,
                password: SecretString::from(password),
            }),
            (Some(_), None) => self.problem(
                PASSWORD,
                "is not set",
                "the password of SPLUNK_USERNAME, or a token in SPLUNK_TOKEN",
            ),
            (None, Some(_)) => self.problem(
                USERNAME,
                "is not set",
                "the user that SPLUNK_PASSWORD belongs to, or a token in SPLUNK_TOKEN",
            ),
            (None, None) => self.problem(
                TOKEN,
                "is not set",
                "an authentication token, or a user in SPLUNK_USERNAME and SPLUNK_PASSWORD",
            ),
        }
    }
}

/// Quotes a wrong value, cut to a bearable length.
fn wrong(value: &str) -> String {
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    format!("is {shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        read(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    const TOKEN: (&str, &str) = ("SPLUNK_TOKEN", "some-secret-token");

    #[test]
    fn has_defaults() {
        let settings =
            read_from(&[("SPLUNK_HOST", " splunk "), TOKEN, ("SPLUNK_PORT", "")]).unwrap();
        assert_eq!(settings.host, "splunk");
        assert_eq!(settings.port, 8089);
        assert_eq!(settings.scheme, Scheme::Https);
        assert!(settings.verify_tls);
        assert!(matches!(settings.credentials, Credentials::Token(_)));
    }

    #[test]
    fn takes_a_user_without_a_token() {
        let settings = read_from(&[
            ("SPLUNK_HOST", "splunk"),
            ("SPLUNK_USERNAME", "admin"),
            ("SPLUNK_PASSWORD", " spaced "),
            ("SPLUNK_SCHEME", "HTTP"),
            ("SPLUNK_VERIFY_SSL", "Off"),
        ])
        .unwrap();
        assert_eq!(settings.scheme, Scheme::Http);
        assert!(!settings.verify_tls);
        match settings.credentials {
            Credentials::Login { username, password } => {
                assert_eq!(username, "admin");
                assert_eq!(secrecy::ExposeSecret::expose_secret(&password), " spaced ");
            }
            Credentials::Token(_) => panic!("there is no token"),
        }
    }

    #[test]
    fn says_everything_at_once_with_the_accepted_form() {
        let error = read_from(&[
            ("SPLUNK_PORT", "70000"),
            ("SPLUNK_SCHEME", "ftp"),
            ("SPLUNK_USERNAME", "admin"),
            ("SPLUNK_VERIFY_SSL", "maybe"),
        ])
        .unwrap_err();
        let text = error.to_string();
        for expected in [
            "SPLUNK_HOST is not set; expected a host name",
            "SPLUNK_PORT is \"70000\"; expected a number from 1 to 65535",
            "SPLUNK_SCHEME is \"ftp\"; expected https or http",
            "SPLUNK_PASSWORD is not set; expected the password of SPLUNK_USERNAME",
            "SPLUNK_VERIFY_SSL is \"maybe\"; expected true, 1",
        ] {
            assert!(text.contains(expected), "{expected:?} in {text}");
        }
        assert_eq!(error.problems.len(), 5);
    }

    #[test]
    fn asks_for_what_is_missing_of_the_credentials() {
        let variable = |pairs: &[(&str, &str)]| {
            let mut all = vec![("SPLUNK_HOST", "splunk")];
            all.extend(pairs);
            read_from(&all).unwrap_err().problems[0].variable
        };
        assert_eq!(variable(&[]), "SPLUNK_TOKEN");
        assert_eq!(variable(&[("SPLUNK_PASSWORD", "x")]), "SPLUNK_USERNAME");
        assert_eq!(variable(&[("SPLUNK_USERNAME", "x")]), "SPLUNK_PASSWORD");
    }

    #[test]
    fn takes_hosts_and_nothing_around_them() {
        for (host, expected) in [
            ("splunk.example.com", Some("splunk.example.com")),
            ("my_splunk-1", Some("my_splunk-1")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("::1", Some("::1")),
            ("[::1]", Some("::1")),
            ("https://splunk", None),
            ("splunk:8089", None),
            ("splunk/en-US", None),
            ("[splunk]", None),
            ("two words", None),
            ("splunk?x", None),
            ("-splunk", None),
            ("[::1", None),
        ] {
            let settings = read_from(&[("SPLUNK_HOST", host), TOKEN]);
            assert_eq!(
                settings.ok().map(|settings| settings.host).as_deref(),
                expected,
                "{host}"
            );
        }
    }

    #[test]
    fn no_error_shows_a_secret() {
        for pairs in [
            &[("SPLUNK_TOKEN", "Bearer hunter2"), ("SPLUNK_HOST", "x")][..],
            &[("SPLUNK_TOKEN", "hunter2\u{e9}"), ("SPLUNK_HOST", "x")],
            &[("SPLUNK_PASSWORD", "hunter2")],
            &[("SPLUNK_HOST", "https://admin:hunter2@splunk"), TOKEN],
        ] {
            let error = read_from(pairs).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(!shown.contains(TOKEN.1), "{shown}");
        }
    }

    #[test]
    fn long_values_are_cut() {
        let long = "x".repeat(10_000);
        let error = read_from(&[("SPLUNK_HOST", "h"), TOKEN, ("SPLUNK_PORT", &long)]).unwrap_err();
        assert!(error.to_string().len() < 300);
    }
}

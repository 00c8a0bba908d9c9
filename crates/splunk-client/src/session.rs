//! Proving who the client is: its token, or a session that it logs in to when it needs one.

use reqwest::Method;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::classify;
use crate::client::SplunkClient;
use crate::config::Credentials;
use crate::error::SplunkError;
use crate::message::{Secrets, of_error_body};
use crate::operation::Operation;
use crate::reply::not_json;
use crate::send::{Request, Running};

/// The session of a user. The lock is held while one call logs in; the others wait for its session.
#[derive(Default)]
pub(crate) struct Session {
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    key: Option<SecretString>,
    /// How many sessions there have been: the number of the current one.
    number: u64,
}

/// What goes into the `Authorization` header of a call.
pub(crate) struct Authorization {
    pub(crate) header: HeaderValue,
    /// The token or session key in it.
    secret: SecretString,
    /// The number of its session; nothing for a token.
    session: Option<u64>,
}

impl Authorization {
    /// Whether a new log-in may help when Splunk refuses it.
    pub(crate) fn is_renewable(&self) -> bool {
        self.session.is_some()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    session_key: String,
}

impl SplunkClient {
    /// The authorization for a call, logging in when there is no session, or when it is the one that was `refused`.
    pub(crate) async fn authorization(
        &self,
        running: Running,
        refused: Option<&Authorization>,
    ) -> Result<Authorization, SplunkError> {
        let operation = running.operation;
        let (username, password) = match &self.inner.config.credentials {
            Credentials::Token(token) => return authorization(operation, "Bearer", token, None),
            Credentials::Login { username, password } => (username, password),
        };
        let mut current = self.inner.session.current.lock().await;
        if refused.is_some_and(|refused| refused.session == Some(current.number)) {
            current.key = None;
        }
        if let Some(key) = &current.key {
            return authorization(operation, "Splunk", key, Some(current.number));
        }
        let key = self.log_in(running, username, password).await?;
        let number = current.number + 1;
        // A key that fits into no header is not kept.
        let authorization = authorization(operation, "Splunk", &key, Some(number))?;
        *current = Current {
            key: Some(key),
            number,
        };
        Ok(authorization)
    }

    /// Calls `POST auth/login`. It is a part of the operation that needs the session.
    async fn log_in(
        &self,
        running: Running,
        username: &str,
        password: &SecretString,
    ) -> Result<SecretString, SplunkError> {
        let operation = running.operation;
        let request = Request::new(Method::POST, "/services/auth/login")
            .with_form("username", username)
            .with_form("password", password.expose_secret());
        let answer = self.exchange(running, &request, None).await?;
        if !answer.status.is_success() {
            let messages = of_error_body(&answer.body, &self.secrets(None));
            return Err(classify::status(operation, answer.status, messages));
        }
        let LoggedIn { session_key } =
            serde_json::from_slice(&answer.body).map_err(|error| SplunkError::Decode {
                operation,
                status: answer.status.as_u16(),
                reason: format!("log-in gave no session key: {}", not_json(&error)),
            })?;
        Ok(SecretString::from(session_key))
    }

    /// What must not show in any text about a call.
    pub(crate) fn secrets<'a>(&'a self, authorization: Option<&'a Authorization>) -> Secrets<'a> {
        let configured = match &self.inner.config.credentials {
            Credentials::Token(token) => token,
            Credentials::Login { password, .. } => password,
        };
        let used = authorization.map(|authorization| &authorization.secret);
        let all = [Some(configured), used];
        Secrets(
            all.into_iter()
                .flatten()
                .map(ExposeSecret::expose_secret)
                .collect(),
        )
    }
}

fn authorization(
    operation: Operation,
    scheme: &str,
    secret: &SecretString,
    session: Option<u64>,
) -> Result<Authorization, SplunkError> {
    let value = format!("{scheme} {}", secret.expose_secret());
    let mut header = HeaderValue::from_str(&value).map_err(|_| SplunkError::Decode {
        operation,
        status: 200,
        reason: "the session key does not fit into a header".to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(Authorization {
        header,
        secret: secret.clone(),
        session,
    })
}

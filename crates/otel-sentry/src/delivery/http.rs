//! The HTTP client: one POST for one envelope.

use std::error::Error;
use std::sync::Once;
use std::time::Duration;

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use reqwest::{Client, NoProxy, Proxy, Url, redirect};
use sentry::TransportOptions;
use sentry::types::{Dsn, Scheme};

use super::Compression;

/// Bytes of an answer that are read so that the connection can be used again. Longer answers
/// cost the connection.
const MAX_ANSWER: usize = 64 * 1024;

/// The longest text of an error that is kept.
const MAX_ERROR: usize = 300;

/// What the client is built from.
#[derive(Clone, Copy, Debug)]
pub(super) struct HttpSettings {
    pub(super) connect_timeout: Duration,
    pub(super) request_timeout: Duration,
    pub(super) max_connections: usize,
    pub(super) compression: Compression,
}

/// Why there is no client. Values of settings are left out: they may hold passwords.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("the setting `{setting}` is not a proxy URL")]
    Proxy { setting: &'static str },
    #[error("the {part} does not fit in a header: expected visible ASCII")]
    Header { part: &'static str },
    #[error("the HTTP client cannot be built: {reason}")]
    Client { reason: String },
}

/// An answer, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) rate_limits: Option<String>,
    pub(super) retry_after: Option<String>,
}

/// Posts bodies to one DSN.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl Http {
    /// Builds the client. Reads the system's certificates where it may need them, which takes
    /// some milliseconds.
    pub(super) fn new(
        settings: HttpSettings,
        options: &TransportOptions,
    ) -> Result<Self, HttpError> {
        install_crypto_provider();
        let mut builder = Client::builder()
            .http1_only()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.request_timeout)
            .pool_max_idle_per_host(settings.max_connections)
            // A redirected POST would lose its body or carry the key to another host.
            .redirect(redirect::Policy::none())
            .referer(false)
            .tls_danger_accept_invalid_certs(options.accept_invalid_certs);
        let proxies = [
            ("http_proxy", &options.http_proxy, Scheme::Http),
            ("https_proxy", &options.https_proxy, Scheme::Https),
        ];
        let mut certificates = options.dsn.scheme() == Scheme::Https;
        for (setting, url, scheme) in proxies {
            let Some(url) = url.as_deref() else { continue };
            let proxy = match scheme {
                Scheme::Http => Proxy::http(url),
                Scheme::Https => Proxy::https(url),
            };
            // Going past a proxy that was asked for is no good answer to a misspelled one.
            let proxy = proxy.map_err(|_| HttpError::Proxy { setting })?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_env()));
            certificates = true;
        }
        if !certificates && !environment_names_a_proxy() {
            // Plain HTTP must work on a machine without certificates.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| HttpError::Client {
            reason: describe(error),
        })?;
        Ok(Self {
            client,
            url: options.dsn.envelope_api_url(),
            headers: headers(&options.dsn, &options.user_agent, settings.compression)?,
        })
    }

    /// Sends one body and reads the answer to its end.
    ///
    /// The error is text for [`last_error`](super::DeliverySnapshot::last_error), without the URL.
    pub(super) async fn post(&self, body: Vec<u8>) -> Result<Answer, String> {
        let mut response = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .body(body)
            .send()
            .await
            .map_err(describe)?;
        let text = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let answer = Answer {
            status: response.status().as_u16(),
            rate_limits: text("x-sentry-rate-limits"),
            retry_after: text(RETRY_AFTER.as_str()),
        };
        // The verdict is in the headers: what goes wrong after them changes nothing.
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > MAX_ANSWER {
                break;
            }
        }
        Ok(answer)
    }
}

/// rustls is built without a default provider. An app that installed another one keeps it.
fn install_crypto_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Whether the HTTP client will find a proxy in the environment.
fn environment_names_a_proxy() -> bool {
    ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The headers of every request.
fn headers(dsn: &Dsn, user_agent: &str, compression: Compression) -> Result<HeaderMap, HttpError> {
    let value =
        |text: &str, part| HeaderValue::from_str(text).map_err(|_| HttpError::Header { part });
    let mut auth = value(&auth(dsn, user_agent), "DSN's key")?;
    auth.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert("x-sentry-auth", auth);
    headers.insert(USER_AGENT, value(user_agent, "user agent")?);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-sentry-envelope"),
    );
    if let Compression::Gzip { .. } = compression {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(headers)
}

/// The value of `X-Sentry-Auth`.
fn auth(dsn: &Dsn, user_agent: &str) -> String {
    let mut auth = format!(
        "Sentry sentry_version=7, sentry_key={}, sentry_client={}",
        dsn.public_key(),
        // A comma would end the value.
        user_agent.replace(',', " ")
    );
    if let Some(secret) = dsn.secret_key() {
        auth.push_str(", sentry_secret=");
        auth.push_str(secret);
    }
    auth
}

/// An error and its causes in one line, without the URL.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_ERROR) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> HttpSettings {
        HttpSettings {
            connect_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(1),
            max_connections: 1,
            compression: Compression::Identity,
        }
    }

    fn options(options: sentry::ClientOptions) -> TransportOptions {
        TransportOptions::try_from_client_options(&options).unwrap()
    }

    #[test]
    fn the_auth_header_names_version_key_and_client() {
        let dsn: Dsn = "https://abc@host/1".parse().unwrap();
        assert_eq!(
            auth(&dsn, "sentry.rust/0.49.5"),
            "Sentry sentry_version=7, sentry_key=abc, sentry_client=sentry.rust/0.49.5"
        );
        let dsn: Dsn = "https://abc:old@host/1".parse().unwrap();
        assert!(auth(&dsn, "x").ends_with(", sentry_secret=old"));
    }

    #[test]
    fn the_key_is_not_in_debug() {
        let options =
            options(sentry::ClientOptions::new().dsn("http://topsecretkey@127.0.0.1:9/1"));
        let http = Http::new(settings(), &options).unwrap();
        assert!(http.headers["x-sentry-auth"].is_sensitive());
        assert!(!format!("{http:?}").contains("topsecretkey"));
    }

    #[test]
    fn a_client_for_https_can_be_built() {
        let options = options(
            sentry::ClientOptions::new()
                .dsn("https://key@127.0.0.1:9/1")
                .accept_invalid_certs(true),
        );
        assert!(Http::new(settings(), &options).is_ok());
    }

    #[test]
    fn wrong_settings_are_named_and_their_values_kept_quiet() {
        let wrong_proxy = options(
            sentry::ClientOptions::new()
                .dsn("http://key@127.0.0.1:9/1")
                .http_proxy("http://user:hunter2@[nonsense"),
        );
        let error = Http::new(settings(), &wrong_proxy).unwrap_err();
        assert!(error.to_string().contains("http_proxy"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));

        let wrong_agent = options(
            sentry::ClientOptions::new()
                .dsn("http://key@127.0.0.1:9/1")
                .user_agent("a\nb"),
        );
        assert!(Http::new(settings(), &wrong_agent).is_err());
    }
}

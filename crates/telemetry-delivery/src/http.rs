//! The HTTP client: one POST for one load.

use std::error::Error;
use std::sync::Once;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use reqwest::{Client, NoProxy, Proxy, redirect};

use crate::protocol::{Answer, Post};

/// Bytes of an answer that are read so that the connection can be used again. Longer answers
/// cost the connection.
const MAX_ANSWER: usize = 64 * 1024;

/// The longest text of an error that is kept.
const MAX_ERROR: usize = 300;

/// How a delivery's HTTP client connects.
///
/// It speaks HTTP/1.1, keeps connections alive, and follows no redirects: a redirected POST would
/// lose its body or carry secret headers to another host. A proxy that the environment names
/// (`HTTPS_PROXY`, `ALL_PROXY`, …) is used, unless one is given here.
///
/// ```
/// use std::time::Duration;
/// use telemetry_delivery::HttpOptions;
///
/// let http = HttpOptions::new()
///     .with_connect_timeout(Duration::from_secs(2))
///     .with_tls(false);
/// # let _ = http;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpOptions {
    connect_timeout: Duration,
    request_timeout: Duration,
    idle_timeout: Duration,
    pub(crate) max_idle: usize,
    headers: HeaderMap,
    proxies: Vec<ProxyOption>,
    tls: bool,
    accept_invalid_certs: bool,
}

#[derive(Clone)]
struct ProxyOption {
    setting: &'static str,
    url: String,
    https: bool,
}

/// The URL of a proxy may hold a password.
impl std::fmt::Debug for ProxyOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ProxyOption").field(&self.setting).finish()
    }
}

/// Why there is no client. Values of settings are left out: they may hold passwords.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("the setting `{setting}` is not a proxy URL")]
    Proxy { setting: &'static str },
    #[error("the HTTP client cannot be built: {reason}")]
    Client { reason: String },
}

impl HttpOptions {
    /// Options with the defaults that each `with_*` names.
    pub fn new() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(90),
            max_idle: usize::MAX,
            headers: HeaderMap::new(),
            proxies: Vec::new(),
            tls: true,
            accept_invalid_certs: false,
        }
    }

    /// How long it may take to connect, TLS included: 5 s unless set.
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt may take in all, where its [`Post`] does not say: 15 s unless set.
    pub fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long a connection is kept without use: 90 s unless set.
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Headers of every request. Mark those with secrets
    /// ([`HeaderValue::set_sensitive`](http::HeaderValue::set_sensitive)).
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// A proxy for URLs of `http`. `setting` is what the user calls it: an error names it.
    pub fn with_http_proxy(self, setting: &'static str, url: impl Into<String>) -> Self {
        self.with_proxy(setting, url.into(), false)
    }

    /// A proxy for URLs of `https`. `setting` is what the user calls it: an error names it.
    pub fn with_https_proxy(self, setting: &'static str, url: impl Into<String>) -> Self {
        self.with_proxy(setting, url.into(), true)
    }

    fn with_proxy(mut self, setting: &'static str, url: String, https: bool) -> Self {
        self.proxies.push(ProxyOption {
            setting,
            url,
            https,
        });
        self
    }

    /// Whether any URL is one of `https`: yes unless set. Without, the system's certificates are
    /// read only for a proxy, so plain HTTP works on a machine that has none.
    pub fn with_tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Whether certificates are taken unseen: no unless set.
    pub fn with_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.accept_invalid_certs = accept;
        self
    }

    /// Builds the client. Reads the system's certificates where it may need them, which takes
    /// some milliseconds.
    pub(crate) fn build(self) -> Result<Http, HttpError> {
        install_crypto_provider();
        let mut builder = Client::builder()
            .http1_only()
            .connect_timeout(self.connect_timeout)
            .timeout(self.request_timeout)
            .pool_idle_timeout(self.idle_timeout)
            .pool_max_idle_per_host(self.max_idle)
            .redirect(redirect::Policy::none())
            .referer(false)
            .default_headers(self.headers)
            .tls_danger_accept_invalid_certs(self.accept_invalid_certs);
        let certificates = self.tls || !self.proxies.is_empty() || environment_names_a_proxy();
        for ProxyOption {
            setting,
            url,
            https,
        } in self.proxies
        {
            let proxy = match https {
                false => Proxy::http(url),
                true => Proxy::https(url),
            };
            // Going past a proxy that was asked for is no good answer to a misspelled one.
            let proxy = proxy.map_err(|_| HttpError::Proxy { setting })?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_env()));
        }
        if !certificates {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| HttpError::Client {
            reason: describe(error),
        })?;
        Ok(Http { client })
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// There was no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    /// Whether the request may have come as far as the server all the same.
    pub(crate) may_have_arrived: bool,
    /// For [`last_error`](crate::DeliverySnapshot::last_error), without the URL.
    pub(crate) error: String,
}

/// Posts bodies.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
}

impl Http {
    /// Sends one body and reads the answer to its end.
    pub(crate) async fn post(&self, post: Post) -> Result<Answer, NoAnswer> {
        let mut request = self
            .client
            .post(post.url)
            .headers(post.headers)
            .body(post.body);
        if let Some(timeout) = post.timeout {
            request = request.timeout(timeout);
        }
        let mut response = request.send().await.map_err(|error| NoAnswer {
            may_have_arrived: !error.is_connect() && !error.is_builder(),
            error: describe(error),
        })?;
        let mut answer = Answer {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body: Bytes::new(),
        };
        // The status is the verdict: what goes wrong after it changes nothing.
        let mut body = BytesMut::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MAX_ANSWER - body.len();
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if chunk.len() > room {
                break;
            }
        }
        answer.body = body.freeze();
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

/// Whether the HTTP client will find a proxy for URLs of `http` in the environment.
fn environment_names_a_proxy() -> bool {
    ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
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

    #[test]
    fn a_client_with_certificates_can_be_built() {
        let options = HttpOptions::new().with_accept_invalid_certs(true);
        assert!(options.build().is_ok());
    }

    #[test]
    fn a_wrong_proxy_is_named_and_its_value_kept_quiet() {
        let options = HttpOptions::new().with_http_proxy("my_proxy", "http://user:hunter2@[no");
        assert!(!format!("{options:?}").contains("hunter2"));
        let error = options.build().unwrap_err();
        assert!(error.to_string().contains("my_proxy"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

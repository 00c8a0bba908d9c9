//! How a client's options connect it to its server.

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use sentry::TransportOptions;
use sentry::types::{Dsn, Scheme};
use telemetry_delivery::HttpOptions;

use super::{Compression, Delivery};

/// The options of the HTTP client.
///
/// The error is text; values of settings are left out, for they may hold passwords.
pub(super) fn http_options(
    delivery: &Delivery,
    options: &TransportOptions,
) -> Result<HttpOptions, String> {
    let headers = headers(&options.dsn, &options.user_agent, delivery.compression)?;
    let mut http = HttpOptions::new()
        .with_connect_timeout(delivery.connect_timeout)
        .with_request_timeout(delivery.request_timeout)
        .with_headers(headers)
        .with_tls(options.dsn.scheme() == Scheme::Https)
        .with_accept_invalid_certs(options.accept_invalid_certs);
    if let Some(url) = options.http_proxy.as_deref() {
        http = http.with_http_proxy("http_proxy", url);
    }
    if let Some(url) = options.https_proxy.as_deref() {
        http = http.with_https_proxy("https_proxy", url);
    }
    Ok(http)
}

/// The headers of every request.
fn headers(dsn: &Dsn, user_agent: &str, compression: Compression) -> Result<HeaderMap, String> {
    let value = |text: &str, part: &str| {
        HeaderValue::from_str(text)
            .map_err(|_| format!("the {part} does not fit in a header: expected visible ASCII"))
    };
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, value(user_agent, "user agent")?);
    let mut auth = value(&auth(dsn, user_agent), "DSN's key")?;
    auth.set_sensitive(true);
    headers.insert("x-sentry-auth", auth);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(options: sentry::ClientOptions) -> Result<HttpOptions, String> {
        let options = TransportOptions::try_from_client_options(&options).unwrap();
        http_options(&Delivery::new(), &options)
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
        let options = sentry::ClientOptions::new().dsn("http://topsecretkey@127.0.0.1:9/1");
        let http = format!("{:?}", connect(options).unwrap());
        assert!(http.contains("x-sentry-auth"), "{http}");
        assert!(!http.contains("topsecretkey"), "{http}");
    }

    #[test]
    fn a_user_agent_that_is_no_header_is_an_error() {
        let options = sentry::ClientOptions::new()
            .dsn("http://key@127.0.0.1:9/1")
            .user_agent("a\nb");
        let error = connect(options).unwrap_err();
        assert!(error.contains("user agent"), "{error}");
    }
}

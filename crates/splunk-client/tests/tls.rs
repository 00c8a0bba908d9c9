//! TLS: certificates are verified unless that is switched off.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use common::config;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use splunk_client::{HealthStatus, SplunkClient, SplunkError};
use splunk_simulator::Simulator;

/// Serves one connection with a certificate that nobody has signed. The thread tells whether a request came through.
fn serve_once_with_own_certificate() -> (u16, JoinHandle<bool>) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = BufReader::new(StreamOwned::new(connection, socket));
        let mut line = String::new();
        // A client that does not accept the certificate ends the handshake with an alert, which is an error here.
        while stream.read_line(&mut line).is_ok_and(|length| length > 0) {
            if line.ends_with("\r\n\r\n") {
                let body = "{\"entry\":[{\"content\":{\"health\":\"green\"}}]}";
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
                return true;
            }
        }
        false
    });
    (port, thread)
}

fn client(port: u16, verify: &str) -> SplunkClient {
    SplunkClient::new(config(&[
        ("SPLUNK_HOST", "localhost"),
        ("SPLUNK_PORT", &port.to_string()),
        ("SPLUNK_TOKEN", "a-token-to-hide"),
        ("SPLUNK_VERIFY_SSL", verify),
    ]))
    .unwrap()
}

#[tokio::test]
async fn an_unknown_certificate_is_refused() {
    let (port, server) = serve_once_with_own_certificate();
    let error = client(port, "true").health().await.unwrap_err();
    assert!(matches!(error, SplunkError::Tls { .. }), "{error:?}");
    assert_eq!((error.error_type(), error.status()), ("tls", None));
    let text = error.to_string();
    assert!(text.contains("certificate"), "{text}");
    assert!(text.contains("SPLUNK_VERIFY_SSL"), "{text}");
    assert!(!format!("{error:?} {text}").contains("a-token-to-hide"));
    assert!(!server.join().unwrap(), "the token must not have been sent");
}

#[tokio::test]
async fn an_unknown_certificate_is_taken_when_verifying_is_off() {
    let (port, server) = serve_once_with_own_certificate();
    let health = client(port, "false").health().await.unwrap();
    assert_eq!(health.status, HealthStatus::Green);
    assert!(server.join().unwrap());
}

#[tokio::test]
async fn a_server_without_tls_is_a_tls_error() {
    let splunk = Simulator::start().unwrap();
    let error = client(splunk.port(), "false").health().await.unwrap_err();
    assert_eq!(error.error_type(), "tls", "{error:?}");
    assert!(error.to_string().contains("SPLUNK_SCHEME"));
}

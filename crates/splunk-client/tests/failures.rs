//! What fails: each kind of error, with what Splunk said and without any secret.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::{config, config_for, with_login, with_token};
use splunk_client::{Operation, Search, SplunkClient, SplunkError};
use splunk_simulator::{Fault, Simulator};

/// Checks that no secret of the simulator shows in the error or in what it came from.
fn assert_no_secret(error: &SplunkError, simulator: &Simulator) {
    let shown = format!("{error} {error:?} {error:#?}");
    for secret in [simulator.token(), simulator.password()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_bad_search_comes_back_in_splunks_words() {
    let splunk = Simulator::start().unwrap();
    let client = with_token(&splunk);
    for (query, expected) in [
        (
            "index=main | frobnicate",
            "Unknown search command 'frobnicate'.",
        ),
        ("index=\"main", "unbalanced quotes"),
        ("", "Empty search."),
        ("index=main earliest=someday", "Invalid earliest_time."),
    ] {
        let error = client
            .oneshot_search(&Search::new(query))
            .await
            .unwrap_err();
        assert!(matches!(error, SplunkError::BadRequest { .. }), "{error:?}");
        assert_eq!(error.error_type(), "bad_request");
        assert_eq!(error.status(), Some(400));
        assert_eq!(error.operation(), Some(Operation::SearchOneshot));
        assert_eq!(error.messages()[0].severity, "FATAL");
        let text = error.to_string();
        assert!(text.contains(expected.trim_end_matches('.')), "{text}");
        assert!(text.starts_with("search.oneshot: "), "{text}");
        assert_no_secret(&error, &splunk);
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let splunk = Simulator::start().unwrap();
    let config = config_for(&splunk, &[("SPLUNK_TOKEN", "wrong-but-secret")]);
    let error = SplunkClient::new(config)
        .unwrap()
        .list_indexes()
        .await
        .unwrap_err();
    assert!(
        matches!(error, SplunkError::Authentication { .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("call not properly authenticated"), "{text}");
    assert!(text.contains("SPLUNK_TOKEN"), "{text}");
    assert!(!format!("{error:?} {text}").contains("wrong-but-secret"));
    // A token cannot be renewed, so there is no second try.
    assert_eq!(splunk.requests().len(), 1);
}

#[tokio::test]
async fn a_wrong_password_is_refused_once() {
    let splunk = Simulator::start().unwrap();
    let error = with_login(&splunk, "wrong-but-secret")
        .health()
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "authentication");
    assert_eq!(error.messages()[0].text, "Login failed");
    assert!(!format!("{error:?} {error}").contains("wrong-but-secret"));
    assert_eq!(splunk.requests().len(), 1);
}

#[tokio::test]
async fn a_refusal_that_stays_is_not_tried_a_third_time() {
    let splunk = Simulator::start().unwrap();
    let client = with_login(&splunk, splunk.password());
    splunk.fault(Fault::status(401).on("/services/server/health").times(5));
    let error = client.health().await.unwrap_err();
    assert_eq!(error.status(), Some(401));
    let paths: Vec<String> = splunk
        .requests()
        .into_iter()
        .map(|request| request.path)
        .collect();
    let (login, health) = ("/services/auth/login", "/services/server/health/splunkd");
    assert_eq!(paths, [login, health, login, health]);
}

#[tokio::test]
async fn each_status_is_an_error_of_its_own() {
    let splunk = Simulator::start().unwrap();
    let client = with_token(&splunk);
    for (status, expected) in [
        (302, "server"),
        (400, "bad_request"),
        (401, "authentication"),
        (403, "forbidden"),
        (404, "not_found"),
        (429, "unavailable"),
        (500, "server"),
        (503, "unavailable"),
    ] {
        splunk.fault(Fault::status(status));
        let error = client.server_info().await.unwrap_err();
        assert_eq!(error.error_type(), expected, "{status}");
        assert_eq!(error.status(), Some(status));
        assert_eq!(error.operation(), Some(Operation::ServerInfo));
        assert!(
            error.messages()[0]
                .text
                .starts_with("The simulator was told to answer"),
            "{error}"
        );
    }
    client.server_info().await.unwrap();
}

#[tokio::test]
async fn a_search_that_fails_while_it_runs_is_an_error() {
    let splunk = Simulator::start().unwrap();
    splunk.fault(Fault::body(
        200,
        r#"{"messages":[{"type":"FATAL","text":"Out of memory."}],"results":[]}"#,
    ));
    let error = with_token(&splunk)
        .oneshot_search(&Search::new("*"))
        .await
        .unwrap_err();
    assert_eq!(error.error_type(), "search_failed");
    assert_eq!(error.status(), Some(200));
    assert!(error.to_string().contains("FATAL: Out of memory."));
}

#[tokio::test]
async fn a_hanging_server_is_a_timeout() {
    let splunk = Simulator::start().unwrap();
    let limit = Duration::from_millis(150);
    let config = config_for(&splunk, &[("SPLUNK_TOKEN", splunk.token())]).with_timeout(limit);
    let client = SplunkClient::new(config).unwrap();
    splunk.fault(Fault::hang());
    let started = Instant::now();
    let error = client.health().await.unwrap_err();
    assert!(
        matches!(&error, SplunkError::Timeout { after, .. } if *after == limit),
        "{error:?}"
    );
    assert_eq!((error.error_type(), error.status()), ("timeout", None));
    assert!(started.elapsed() >= limit);
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_no_secret(&error, &splunk);
    client.health().await.unwrap();
}

#[tokio::test]
async fn a_search_has_a_time_limit_of_its_own() {
    let splunk = Simulator::start().unwrap();
    let client = with_token(&splunk);
    let slow =
        Search::new("index=main `sim_sleep(60000)`").with_timeout(Duration::from_millis(150));
    let error = client.oneshot_search(&slow).await.unwrap_err();
    assert_eq!(error.error_type(), "timeout");
    assert!(error.to_string().contains("within 150ms"), "{error}");
}

#[tokio::test]
async fn a_hanging_login_does_not_hold_others_beyond_their_limit() {
    let splunk = Simulator::start().unwrap();
    let limit = Duration::from_millis(300);
    let config = config_for(
        &splunk,
        &[
            ("SPLUNK_USERNAME", splunk.username()),
            ("SPLUNK_PASSWORD", splunk.password()),
        ],
    );
    let client = SplunkClient::new(config.with_timeout(limit)).unwrap();
    splunk.fault(Fault::hang().on("/services/auth/login").times(100));
    let started = Instant::now();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.health().await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().error_type(), "timeout");
    }
    // One after the other they would take 20 times the limit.
    assert!(started.elapsed() < limit * 10, "{:?}", started.elapsed());
    splunk.clear_faults();
    client.health().await.unwrap();
}

#[tokio::test]
async fn nobody_listening_is_a_connect_error() {
    // Bound and closed again: nothing listens there, and the port is not given away in the meantime.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let client = SplunkClient::new(config(&[
        ("SPLUNK_SCHEME", "http"),
        ("SPLUNK_HOST", "127.0.0.1"),
        ("SPLUNK_PORT", &port),
        ("SPLUNK_TOKEN", "a-token-to-hide"),
    ]))
    .unwrap();
    let error = client.health().await.unwrap_err();
    assert!(matches!(error, SplunkError::Connect { .. }), "{error:?}");
    assert_eq!((error.error_type(), error.status()), ("connect", None));
    let text = error.to_string();
    assert!(text.contains(&format!("http://127.0.0.1:{port}")), "{text}");
    assert!(text.contains("refused"), "{text}");
    assert!(!format!("{error:?} {text}").contains("a-token-to-hide"));
}

#[tokio::test]
async fn a_handshake_that_hangs_is_a_timeout_of_the_connection() {
    // The system accepts the connection; nobody answers the handshake.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let limit = Duration::from_millis(150);
    let config = config(&[
        ("SPLUNK_HOST", "127.0.0.1"),
        ("SPLUNK_PORT", &port),
        ("SPLUNK_TOKEN", "a-token-to-hide"),
        ("SPLUNK_VERIFY_SSL", "false"),
    ]);
    let client = SplunkClient::new(config.with_connect_timeout(limit)).unwrap();
    let error = client.health().await.unwrap_err();
    assert!(
        matches!(&error, SplunkError::Timeout { after, .. } if *after == limit),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_interrupted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4_096];
        let length = stream.read(&mut request).unwrap();
        assert!(length > 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"entry\"")
            .unwrap();
    });
    let client = SplunkClient::new(config(&[
        ("SPLUNK_SCHEME", "http"),
        ("SPLUNK_HOST", "127.0.0.1"),
        ("SPLUNK_PORT", &port),
        ("SPLUNK_TOKEN", "a-token-to-hide"),
    ]))
    .unwrap();
    let error = client.health().await.unwrap_err();
    server.join().unwrap();
    assert_eq!(error.error_type(), "interrupted", "{error:?}");
    assert!(!format!("{error:?} {error}").contains("a-token-to-hide"));
}

#[tokio::test]
async fn a_strange_answer_is_a_decode_error() {
    let splunk = Simulator::start().unwrap();
    let client = with_token(&splunk);
    for body in ["<html>a proxy</html>", "", "{}", "{\"entry\":[]}", "[1,2]"] {
        splunk.fault(Fault::body(200, body));
        let error = client.server_info().await.unwrap_err();
        assert_eq!(error.error_type(), "decode", "{body}: {error:?}");
        assert_eq!(error.status(), Some(200));
    }
    let login = with_login(&splunk, splunk.password());
    for body in [
        "{}",
        "{\"sessionKey\": 5}",
        "{\"sessionKey\": \"line\\nbreak\"}",
    ] {
        splunk.fault(Fault::body(200, body).on("/services/auth/login"));
        let error = login.health().await.unwrap_err();
        assert_eq!(error.error_type(), "decode", "{body}: {error:?}");
    }
    login.health().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let splunk = Simulator::start().unwrap();
    let config = config_for(&splunk, &[("SPLUNK_TOKEN", splunk.token())]);
    let client = SplunkClient::new(config.with_response_limit(1_000)).unwrap();
    let error = client
        .oneshot_search(&Search::new("index=main"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SplunkError::TooLarge { limit: 1_000, .. }),
        "{error:?}"
    );
    assert_eq!(error.error_type(), "too_large");
}

#[tokio::test]
async fn secrets_that_splunk_repeats_are_taken_out() {
    let splunk = Simulator::start().unwrap();
    let echo = |secret: &str| {
        format!("{{\"messages\":[{{\"type\":\"WARN\",\"text\":\"cannot use '{secret}' here\"}}]}}")
    };
    splunk.fault(Fault::body(400, echo(splunk.token())));
    let error = with_token(&splunk).health().await.unwrap_err();
    assert_eq!(error.messages()[0].text, "cannot use '***' here");
    assert_no_secret(&error, &splunk);

    splunk.fault(Fault::body(403, echo(splunk.password())).on("/services/auth/login"));
    let error = with_login(&splunk, splunk.password())
        .health()
        .await
        .unwrap_err();
    assert_eq!(error.messages()[0].text, "cannot use '***' here");
    assert_no_secret(&error, &splunk);
}

#[test]
fn clients_and_settings_show_no_secret() {
    let splunk = Simulator::start().unwrap();
    for client in [with_token(&splunk), with_login(&splunk, splunk.password())] {
        let shown = format!("{client:?} {:?} {:#?}", client.config(), client.config());
        assert!(shown.contains(&splunk.base_url()), "{shown}");
        for secret in [splunk.token(), splunk.password()] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

//! What goes wrong: faults on demand, delays, and requests that are no good.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use splunk_simulator::Fault;

use crate::caller::{Caller, status, text};

#[tokio::test]
async fn is_slow_on_demand() {
    let caller = Caller::new();
    let started = Instant::now();
    assert_eq!(
        caller
            .oneshot("search * `sim_sleep(120)` | head 1")
            .await
            .status(),
        StatusCode::OK
    );
    assert!(started.elapsed() >= Duration::from_millis(120));

    caller.simulator.set_latency(Duration::from_millis(80));
    let started = Instant::now();
    caller.json("/services/server/info?output_mode=json").await;
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn faults_strike_by_path_and_wear_off() {
    let caller = Caller::new();
    caller
        .simulator
        .fault(Fault::status(503).on("/services/search/jobs"));
    caller
        .simulator
        .fault(Fault::body(200, "not json").on("/services/server/info"));

    assert_eq!(
        status(caller.get("/services/server/health/splunkd")).await,
        StatusCode::OK
    );
    let struck = caller.oneshot("search *").await;
    assert_eq!(struck.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        struck.json::<Value>().await.unwrap()["messages"][0]["type"],
        "ERROR"
    );
    assert_eq!(caller.oneshot("search *").await.status(), StatusCode::OK);
    let info = text(caller.get("/services/server/info")).await;
    assert_eq!(info, "not json");

    caller.simulator.fault(Fault::status(500).times(10));
    caller.simulator.clear_faults();
    caller.json("/services/server/info?output_mode=json").await;
}

#[tokio::test]
async fn hangs_until_the_caller_gives_up_and_stops_all_the_same() {
    let caller = Caller::new();
    caller.simulator.fault(Fault::hang());
    let error = caller
        .get("/services/server/info")
        .timeout(Duration::from_millis(200))
        .send()
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error:?}");

    caller.simulator.fault(Fault::hang());
    let held = tokio::spawn(caller.get("/services/server/info").send());
    let deadline = Instant::now() + Duration::from_secs(10);
    while caller.simulator.requests().len() < 2 {
        assert!(Instant::now() < deadline, "the request has not arrived");
        tokio::task::yield_now().await;
    }
    drop(caller);
    let error = held.await.unwrap().unwrap_err();
    assert!(!error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn every_answer_has_a_connection_header_and_requests_are_remembered_without_secrets() {
    let caller = Caller::new();
    let kept = caller.get("/services/server/info").send().await.unwrap();
    assert_eq!(kept.headers()["connection"], "Keep-Alive");
    let closed = caller
        .get("/nowhere?output_mode=json")
        .header("connection", "close")
        .send()
        .await
        .unwrap();
    assert_eq!(closed.status(), StatusCode::NOT_FOUND);
    assert_eq!(closed.headers()["connection"], "Close");
    assert!(closed.json::<Value>().await.unwrap()["messages"].is_array());
    assert_eq!(
        status(caller.post("/services/server/info", &[])).await,
        StatusCode::METHOD_NOT_ALLOWED
    );

    let requests = caller.simulator.requests();
    assert_eq!(requests[0].method, "GET");
    assert_eq!(requests[0].path, "/services/server/info");
    assert_eq!(requests[0].header("Authorization"), Some("Bearer ***"));
    assert!(!format!("{requests:?}").contains(caller.simulator.token()));
}

#[tokio::test]
async fn survives_malformed_requests() {
    let caller = Caller::new();
    let cases = [
        caller.post(
            "/services/search/jobs",
            &[("search", "search \"open"), ("output_mode", "json")],
        ),
        caller.get("/services/server/info?output_mode=csv"),
        caller.get("/services/search/jobs/%ff%00?output_mode=json"),
        caller
            .anonymous(Method::POST, "/services/search/jobs")
            .bearer_auth(caller.simulator.token())
            .body(vec![0xff, 0xfe, b'%', b'&', b'=']),
    ];
    for case in cases {
        let status = case.send().await.unwrap().status();
        assert!(status.is_client_error(), "{status}");
    }
    let oversized = caller
        .post("/services/search/jobs", &[])
        .body(vec![b'a'; 2 * 1024 * 1024])
        .send()
        .await;
    match oversized {
        Ok(response) => assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE),
        // The connection may be closed before the client has written everything.
        Err(error) => assert!(error.is_request(), "{error:?}"),
    }
    caller.json("/services/server/info?output_mode=json").await;
}

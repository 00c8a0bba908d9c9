//! The endpoints over HTTP, in both shapes.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use splunk_simulator::{Fault, Simulator};

struct Caller {
    simulator: Simulator,
    client: Client,
}

impl Caller {
    fn new() -> Self {
        // Fails only when a test before this one has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            simulator: Simulator::start().unwrap(),
            client: Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
        }
    }

    fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.simulator.base_url()))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.anonymous(Method::GET, path)
            .bearer_auth(self.simulator.token())
    }

    fn post(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.anonymous(Method::POST, path)
            .bearer_auth(self.simulator.token())
            .form(form)
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn oneshot(&self, search: &str) -> Response {
        let form = [
            ("search", search),
            ("exec_mode", "oneshot"),
            ("output_mode", "json"),
        ];
        self.post("/services/search/jobs", &form)
            .send()
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn logs_in_and_takes_the_session_key() {
    let caller = Caller::new();
    let login = |password: &str, mode: &str| {
        caller
            .anonymous(Method::POST, "/services/auth/login")
            .form(&[
                ("username", caller.simulator.username()),
                ("password", password),
                ("output_mode", mode),
            ])
            .send()
    };
    let body: Value = login(caller.simulator.password(), "json")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let key = body["sessionKey"].as_str().unwrap().to_owned();

    let with_key = || {
        caller
            .anonymous(Method::GET, "/services/server/info")
            .header("authorization", format!("Splunk {key}"))
            .send()
    };
    assert_eq!(with_key().await.unwrap().status(), StatusCode::OK);
    caller.simulator.expire_sessions();
    assert_eq!(with_key().await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let refused = login("wrong", "xml").await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(
        refused.text().await.unwrap().contains(
            "<msg type=\"WARN\" code=\"incorrect_username_or_password\">Login failed</msg>"
        )
    );
}

#[tokio::test]
async fn refuses_strangers_in_both_shapes() {
    let caller = Caller::new();
    let response = caller
        .anonymous(Method::GET, "/services/server/info?output_mode=json")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.headers()["www-authenticate"],
        "Basic realm=\"/splunk\""
    );
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!({"messages": [{"type": "WARN", "text": "call not properly authenticated"}]})
    );

    // The form says JSON: a refusal must be JSON too.
    let response = caller
        .anonymous(Method::POST, "/services/search/jobs")
        .bearer_auth("wrong")
        .form(&[("output_mode", "json")])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.json::<Value>().await.is_ok());

    let response = caller
        .anonymous(Method::GET, "/services/server/info")
        .basic_auth(caller.simulator.username(), Some("wrong"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/xml; charset=UTF-8"
    );
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("<msg type=\"WARN\">call not properly authenticated</msg>")
    );

    let response = caller
        .anonymous(Method::GET, "/services/server/info")
        .basic_auth(
            caller.simulator.username(),
            Some(caller.simulator.password()),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn tells_what_it_is() {
    let caller = Caller::new();
    let info = caller.json("/services/server/info?output_mode=json").await;
    let content = &info["entry"][0]["content"];
    assert_eq!(content["serverName"], "splunk-simulator");
    assert_eq!(content["isFree"], json!(false));
    assert!(content["server_roles"].is_array());

    let health = caller
        .json("/services/server/health/splunkd?output_mode=json")
        .await;
    assert_eq!(health["entry"][0]["content"]["health"], "green");

    let xml = caller
        .get("/services/server/info")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    assert!(xml.contains("xmlns:s=\"http://dev.splunk.com/ns/rest\""));
    assert!(xml.contains("<s:key name=\"isFree\">0</s:key>"));
    assert!(xml.contains("<s:key name=\"eai:acl\"><s:dict>"));
}

#[tokio::test]
async fn lists_indexes_by_page_and_by_name() {
    let caller = Caller::new();
    let names = |feed: &Value| -> Vec<String> {
        feed["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = caller
        .json("/servicesNS/-/-/data/indexes/?output_mode=json&count=0")
        .await;
    assert_eq!(
        names(&all),
        ["_audit", "_internal", "app", "main", "security", "summary"]
    );
    let page = caller
        .json("/services/data/indexes?output_mode=json&count=2&offset=2")
        .await;
    assert_eq!(names(&page), ["app", "main"]);
    assert_eq!(
        page["paging"],
        json!({"total": 6, "perPage": 2, "offset": 2})
    );
    let one = caller
        .json("/services/data/indexes/main?output_mode=json")
        .await;
    assert_eq!(one["entry"][0]["content"]["totalEventCount"], json!(600));

    let missing = caller
        .get("/services/data/indexes/nope?output_mode=json")
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let bad = caller
        .get("/services/data/indexes?output_mode=json&count=many")
        .send()
        .await
        .unwrap();
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn answers_one_shot_searches() {
    let caller = Caller::new();
    let found: Value = caller
        .oneshot("search index=main | stats count by status | sort -count")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(found["preview"], json!(false));
    assert_eq!(
        found["fields"],
        json!([{"name": "status"}, {"name": "count"}])
    );
    assert_eq!(found["results"][0]["status"], "200");

    let unknown: Value = caller
        .oneshot("search index=nope")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(unknown["results"], json!([]));
    assert_eq!(unknown["messages"][0]["type"], "WARN");

    let bad = caller.oneshot("search index=main | frobnicate").await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        bad.json::<Value>().await.unwrap(),
        json!({"messages": [{"type": "FATAL", "text": "Unknown search command 'frobnicate'."}]})
    );

    let xml = caller
        .post(
            "/services/search/jobs",
            &[
                ("search", "search index=main | head 1 | table host _raw"),
                ("exec_mode", "oneshot"),
            ],
        )
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(xml.contains("<results preview='0'>"));
    assert!(xml.contains("<field k='host'><value><text>web-0"));
    assert!(xml.contains("<v xml:space='preserve' trunc='0'>"));
}

#[tokio::test]
async fn caps_rows_by_count_and_max_count() {
    let caller = Caller::new();
    let rows = |form: &'static [(&'static str, &'static str)]| {
        let caller = &caller;
        async move {
            let mut all = vec![
                ("search", "search index=main"),
                ("exec_mode", "oneshot"),
                ("output_mode", "json"),
            ];
            all.extend(form);
            let body: Value = caller
                .post("/services/search/jobs", &all)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            body["results"].as_array().unwrap().len()
        }
    };
    assert_eq!(rows(&[]).await, 100);
    assert_eq!(rows(&[("count", "0")]).await, 600);
    assert_eq!(rows(&[("count", "0"), ("max_count", "7")]).await, 7);
    assert_eq!(rows(&[("count", "5"), ("offset", "598")]).await, 2);
}

#[tokio::test]
async fn runs_jobs() {
    let caller = Caller::new();
    let create = |search: &'static str, mode: &'static str| {
        let form = [
            ("search", search),
            ("exec_mode", mode),
            ("output_mode", "json"),
        ];
        caller.post("/services/search/v2/jobs", &form).send()
    };
    let sid = |body: Value| body["sid"].as_str().unwrap().to_owned();

    let created = create("search index=main | head 3", "normal")
        .await
        .unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    let done = sid(created.json().await.unwrap());
    let job = caller
        .json(&format!("/services/search/jobs/{done}?output_mode=json"))
        .await;
    assert_eq!(job["entry"][0]["content"]["dispatchState"], "DONE");
    assert_eq!(job["entry"][0]["content"]["resultCount"], json!(3));
    let xml = caller
        .get(&format!("/services/search/jobs/{done}"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(xml.contains("<entry xmlns=\"http://www.w3.org/2005/Atom\""));
    assert!(xml.contains("<s:key name=\"isDone\">1</s:key>"));

    let results: Value = caller
        .post(
            &format!("/servicesNS/nobody/search/search/v2/jobs/{done}/results"),
            &[("output_mode", "json"), ("count", "2"), ("offset", "1")],
        )
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(results["results"].as_array().unwrap().len(), 2);
    assert_eq!(results["init_offset"], json!(1));

    let slow = create("search index=main `sim_sleep(60000)`", "normal")
        .await
        .unwrap();
    let slow = sid(slow.json().await.unwrap());
    let path = format!("/services/search/jobs/{slow}");
    let job = caller.json(&format!("{path}?output_mode=json")).await;
    assert_eq!(job["entry"][0]["content"]["dispatchState"], "RUNNING");
    let none = caller.get(&format!("{path}/results")).send().await.unwrap();
    assert_eq!(none.status(), StatusCode::NO_CONTENT);
    let finalized = caller
        .post(&format!("{path}/control"), &[("action", "finalize")])
        .send()
        .await
        .unwrap();
    assert_eq!(finalized.status(), StatusCode::OK);
    let now = caller.get(&format!("{path}/results")).send().await.unwrap();
    assert_eq!(now.status(), StatusCode::OK);

    let jobs = caller.json("/services/search/jobs?output_mode=json").await;
    assert_eq!(jobs["entry"].as_array().unwrap().len(), 2);
    assert_eq!(jobs["entry"][0]["content"]["sid"], slow.as_str());

    let cancelled = caller
        .anonymous(Method::DELETE, &path)
        .bearer_auth(caller.simulator.token())
        .send()
        .await
        .unwrap();
    assert_eq!(cancelled.status(), StatusCode::OK);
    let gone = caller
        .get(&format!("{path}?output_mode=json"))
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        gone.json::<Value>().await.unwrap()["messages"][0]["text"],
        "Unknown sid."
    );
    let again = caller
        .post(&format!("{path}/control"), &[("action", "cancel")])
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);

    let blocking = create("search index=main | head 1", "blocking")
        .await
        .unwrap();
    assert_eq!(blocking.status(), StatusCode::CREATED);
    let odd = create("search *", "sideways").await.unwrap();
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
}

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

    let health = caller
        .get("/services/server/health/splunkd")
        .send()
        .await
        .unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    let struck = caller.oneshot("search *").await;
    assert_eq!(struck.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        struck.json::<Value>().await.unwrap()["messages"][0]["type"],
        "ERROR"
    );
    assert_eq!(caller.oneshot("search *").await.status(), StatusCode::OK);
    let info = caller.get("/services/server/info").send().await.unwrap();
    assert_eq!(info.text().await.unwrap(), "not json");

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
    let wrong_method = caller
        .post("/services/server/info", &[])
        .send()
        .await
        .unwrap();
    assert_eq!(wrong_method.status(), StatusCode::METHOD_NOT_ALLOWED);

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

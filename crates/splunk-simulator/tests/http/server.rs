//! Logging in, and what the server tells of itself and its indexes.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::caller::{Caller, status, text};

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

    assert_eq!(
        status(
            caller
                .anonymous(Method::GET, "/services/server/info")
                .basic_auth(
                    caller.simulator.username(),
                    Some(caller.simulator.password()),
                )
        )
        .await,
        StatusCode::OK
    );
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

    let xml = text(caller.get("/services/server/info")).await;
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

    assert_eq!(
        status(caller.get("/services/data/indexes/nope?output_mode=json")).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        status(caller.get("/services/data/indexes?output_mode=json&count=many")).await,
        StatusCode::BAD_REQUEST
    );
}

//! Searches that answer at once, and jobs.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::caller::{Caller, json, status, text};

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

    let xml = text(caller.post(
        "/services/search/jobs",
        &[
            ("search", "search index=main | head 1 | table host _raw"),
            ("exec_mode", "oneshot"),
        ],
    ))
    .await;
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
            let body: Value = json(caller.post("/services/search/jobs", &all)).await;
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
    let xml = text(caller.get(&format!("/services/search/jobs/{done}"))).await;
    assert!(xml.contains("<entry xmlns=\"http://www.w3.org/2005/Atom\""));
    assert!(xml.contains("<s:key name=\"isDone\">1</s:key>"));

    let results = json(caller.post(
        &format!("/servicesNS/nobody/search/search/v2/jobs/{done}/results"),
        &[("output_mode", "json"), ("count", "2"), ("offset", "1")],
    ))
    .await;
    assert_eq!(results["results"].as_array().unwrap().len(), 2);
    assert_eq!(results["init_offset"], json!(1));

    let slow = create("search index=main `sim_sleep(60000)`", "normal")
        .await
        .unwrap();
    let slow = sid(slow.json().await.unwrap());
    let path = format!("/services/search/jobs/{slow}");
    let job = caller.json(&format!("{path}?output_mode=json")).await;
    assert_eq!(job["entry"][0]["content"]["dispatchState"], "RUNNING");
    assert_eq!(
        status(caller.get(&format!("{path}/results"))).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        status(caller.post(&format!("{path}/control"), &[("action", "finalize")])).await,
        StatusCode::OK
    );
    assert_eq!(
        status(caller.get(&format!("{path}/results"))).await,
        StatusCode::OK
    );

    let jobs = caller.json("/services/search/jobs?output_mode=json").await;
    assert_eq!(jobs["entry"].as_array().unwrap().len(), 2);
    assert_eq!(jobs["entry"][0]["content"]["sid"], slow.as_str());

    assert_eq!(
        status(
            caller
                .anonymous(Method::DELETE, &path)
                .bearer_auth(caller.simulator.token())
        )
        .await,
        StatusCode::OK
    );
    let gone = caller.get(&format!("{path}?output_mode=json"));
    let gone = gone.send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        gone.json::<Value>().await.unwrap()["messages"][0]["text"],
        "Unknown sid."
    );
    assert_eq!(
        status(caller.post(&format!("{path}/control"), &[("action", "cancel")])).await,
        StatusCode::NOT_FOUND
    );

    let blocking = create("search index=main | head 1", "blocking")
        .await
        .unwrap();
    assert_eq!(blocking.status(), StatusCode::CREATED);
    let odd = create("search *", "sideways").await.unwrap();
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
}

//! What works: each operation, and the session.

mod common;

use common::{config_for, with_login, with_token};
use splunk_client::{HealthStatus, Search, SplunkClient};
use splunk_simulator::Simulator;

fn logins(simulator: &Simulator) -> usize {
    let requests = simulator.requests();
    requests
        .iter()
        .filter(|request| request.path == "/services/auth/login")
        .count()
}

#[tokio::test]
async fn searches() {
    let splunk = Simulator::start().unwrap();
    let client = with_token(&splunk);
    let found = client
        .oneshot_search(&Search::new(
            "index=main | stats count by status | sort -count",
        ))
        .await
        .unwrap();
    assert_eq!(found.fields, ["status", "count"]);
    assert_eq!(found.rows[0]["status"], "200");
    assert_eq!(found.messages, []);

    let piped = client
        .oneshot_search(&Search::new("| makeresults | eval x=\"é&=\""))
        .await
        .unwrap();
    assert_eq!(piped.rows[0]["x"], "é&=");
}

#[tokio::test]
async fn bounds_a_search_by_time_and_rows() {
    let splunk = Simulator::start().unwrap();
    let client = with_token(&splunk);
    let rows = async |search: Search| client.oneshot_search(&search).await.unwrap().rows.len();
    assert_eq!(rows(Search::new("index=main")).await, 100);
    assert_eq!(rows(Search::new("index=main").with_max_count(7)).await, 7);
    assert_eq!(rows(Search::new("index=main").with_max_count(0)).await, 600);
    let hour = Search::new("index=main")
        .with_earliest("-2h")
        .with_latest("-1h");
    assert_eq!(rows(hour).await, 25);
}

#[tokio::test]
async fn passes_warnings_on() {
    let splunk = Simulator::start().unwrap();
    let found = with_token(&splunk)
        .oneshot_search(&Search::new("index=nope"))
        .await
        .unwrap();
    assert_eq!(found.rows.len(), 0);
    assert_eq!(found.messages[0].severity, "WARN");
    assert!(found.messages[0].text.contains("nope"));
}

#[tokio::test]
async fn lists_indexes() {
    let splunk = Simulator::start().unwrap();
    let indexes = with_token(&splunk).list_indexes().await.unwrap();
    let names: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
    assert_eq!(
        names,
        ["_audit", "_internal", "app", "main", "security", "summary"]
    );
    let main = &indexes[3];
    assert_eq!(main.total_event_count, Some(600));
    assert_eq!(main.max_size_mb, Some(500_000));
    assert!(main.earliest_time < main.latest_time);
    assert!(!main.disabled && !main.internal);
    assert!(indexes[0].internal);
    assert_eq!(indexes[5].earliest_time, None);
}

#[tokio::test]
async fn tells_server_and_health() {
    let splunk = Simulator::start().unwrap();
    let client = with_token(&splunk);
    let info = client.server_info().await.unwrap();
    assert_eq!(info.server_name, "splunk-simulator");
    assert_eq!(info.license_state.as_deref(), Some("OK"));
    assert!(info.server_roles.contains(&"search_head".to_owned()));
    assert_eq!(client.health().await.unwrap().status, HealthStatus::Green);
}

#[tokio::test]
async fn health_has_other_colours() {
    let splunk = Simulator::start().unwrap();
    let client = with_token(&splunk);
    for (colour, expected) in [
        ("yellow", HealthStatus::Yellow),
        ("red", HealthStatus::Red),
        ("disabled", HealthStatus::Unknown),
    ] {
        let body = format!("{{\"entry\":[{{\"content\":{{\"health\":\"{colour}\"}}}}]}}");
        splunk.fault(splunk_simulator::Fault::body(200, body));
        assert_eq!(client.health().await.unwrap().status, expected);
    }
}

#[tokio::test]
async fn a_token_needs_no_login() {
    let splunk = Simulator::start().unwrap();
    with_token(&splunk).health().await.unwrap();
    assert_eq!(logins(&splunk), 0);
    let requests = splunk.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("authorization"), Some("Bearer ***"));
    assert!(
        requests[0]
            .header("user-agent")
            .unwrap()
            .starts_with("splunk-client/")
    );
}

#[tokio::test]
async fn a_token_goes_before_a_user() {
    let splunk = Simulator::start().unwrap();
    let config = config_for(
        &splunk,
        &[
            ("SPLUNK_TOKEN", splunk.token()),
            ("SPLUNK_USERNAME", "nobody"),
            ("SPLUNK_PASSWORD", "wrong"),
        ],
    );
    SplunkClient::new(config).unwrap().health().await.unwrap();
    assert_eq!(logins(&splunk), 0);
}

#[tokio::test]
async fn a_user_logs_in_once_for_all_clones_and_calls() {
    let splunk = Simulator::start().unwrap();
    let client = with_login(&splunk, splunk.password());
    assert_eq!(logins(&splunk), 0);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.health().await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    client.server_info().await.unwrap();
    assert_eq!(logins(&splunk), 1);
}

#[tokio::test]
async fn an_ended_session_is_renewed_once() {
    let splunk = Simulator::start().unwrap();
    let client = with_login(&splunk, splunk.password());
    client.health().await.unwrap();
    splunk.expire_sessions();
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.health().await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(logins(&splunk), 2);
}

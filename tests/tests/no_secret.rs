//! A secret in whatever a client sends: in no byte of what leaves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use mcp_telemetry_tests::client::{call, connect, failed, search, with_meta};
use mcp_telemetry_tests::harness::Harness;
use mcp_telemetry_tests::raw::{RawSession, answer, headers};
use serde_json::{Value, json};
use telemetry_testkit::Received;

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(1.0).unwrap());

/// The password that a user has written into a search.
const SECRET: &str = "hunter2";

/// Waits until spans, logs and, where one is expected, an error event with a word have
/// arrived at both sinks: then the secret beside the word would have arrived too.
async fn arrived(harness: &Harness, word: &str, event: bool) -> anyhow::Result<Received> {
    let look = |received: &Received| {
        let spans = received.otlp_spans();
        let mut with_word = spans
            .iter()
            .filter(|span| format!("{span:?}").contains(word));
        let id = with_word.next().map(|span| span.trace_id.clone())?;
        let complete = received.transaction_of(&id).is_some()
            && !received.logs_of(&id).is_empty()
            && !received.otlp_logs_of(&id).is_empty()
            && event != received.events_of(&id).is_empty();
        complete.then(|| received.clone())
    };
    harness.wait_for(word, look).await
}

/// Where a word stands in what has left: kind of request, and the text around the word.
fn found(received: &Received, word: &str) -> Vec<String> {
    let around = |text: &str| {
        let at = text.find(word)?;
        let before: String = text[..at].chars().rev().take(80).collect();
        let after: String = text[at..].chars().take(60).collect();
        Some(format!(
            "{}{after}",
            before.chars().rev().collect::<String>()
        ))
    };
    let requests = received.requests();
    let texts = requests.iter().flat_map(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let head = format!("{} {:?} {:?}", request.path, request.query, request.headers);
        [body, head].map(|text| (request.summary(), text))
    });
    texts
        .filter_map(|(what, text)| Some(format!("{what}: {}", around(&text)?)))
        .collect()
}

/// Asserts that the secret is nowhere, and that the word beside it is somewhere.
fn assert_clean(received: &Received, word: &str) {
    assert!(
        !found(received, word).is_empty(),
        "{word} did not arrive: this proves nothing"
    );
    let leaks = found(received, SECRET);
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn not_from_the_text_of_a_search() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "searcher").await?;
        let spl =
            format!("index=main password={SECRET} | stats count | eval beside=\"secret-in-spl\"");
        let result = client.call_tool(search(&spl)).await?;
        assert!(!failed(&result), "{result:?}");
        client.cancel().await?;
        assert_clean(
            &arrived(harness, "secret-in-spl", false).await?,
            "secret-in-spl",
        );
        Ok(())
    });
}

#[test]
fn not_from_a_search_in_any_way_of_writing() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "writer").await?;
        for (index, spl) in [
            format!("index=main password=\"{SECRET}\""),
            format!("index=main Password = '{SECRET}'"),
            format!("index=main api_key={SECRET} token={SECRET}"),
            format!("index=main | eval x=\"password: {SECRET}\""),
            format!("index=main url=\"https://bob:{SECRET}@example.com/x?token={SECRET}\""),
            format!("index=main \"Authorization: Bearer {SECRET}.{SECRET}.{SECRET}\""),
        ]
        .iter()
        .enumerate()
        {
            let word = format!("way-of-writing-{index}");
            let spl = format!("{spl} | stats count | eval beside=\"{word}\"");
            client.call_tool(search(&spl)).await?;
            let received = harness.trace_of_search(&word, 5).await?.received;
            assert_clean(&received, &word);
        }
        client.cancel().await?;
        Ok(())
    });
}

#[test]
fn not_from_a_search_that_fails_and_is_quoted_by_splunk() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "failer").await?;
        let spl = format!("index=main \"secret-in-error\" | where password=\"{SECRET}\" bogus=(");
        let result = client.call_tool(search(&spl)).await?;
        assert!(failed(&result), "{result:?}");
        client.cancel().await?;
        assert_clean(
            &arrived(harness, "secret-in-error", true).await?,
            "secret-in-error",
        );
        Ok(())
    });
}

#[test]
fn not_from_the_rows_that_splunk_finds() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "finder").await?;
        let spl = format!(
            "index=main | head 1 | eval password=\"{SECRET}\" | table password \
             | eval beside=\"secret-in-rows\""
        );
        let result = client.call_tool(search(&spl)).await?;
        let text = serde_json::to_string(&result)?;
        assert!(
            text.contains(SECRET),
            "the client gets what Splunk found: {text}"
        );
        client.cancel().await?;
        assert_clean(
            &arrived(harness, "secret-in-rows", false).await?,
            "secret-in-rows",
        );
        Ok(())
    });
}

#[test]
fn not_from_headers_query_or_cookies() {
    HARNESS.test(async |harness| {
        let session = RawSession::start(harness, "header-writer").await?;
        let (bearer, cookie) = (format!("Bearer {SECRET}"), format!("session={SECRET}"));
        let agent = format!("agent password={SECRET}");
        let more = [
            ("authorization", bearer.as_bytes()),
            ("x-splunk-token", SECRET.as_bytes()),
            ("x-api-key", SECRET.as_bytes()),
            ("cookie", cookie.as_bytes()),
            ("user-agent", agent.as_bytes()),
        ];
        let spl = "index=main | stats count | eval beside=\"secret-in-headers\"";
        let request = session.search(1, spl).headers(headers(&more)?).query(&[
            ("token", SECRET),
            ("password", SECRET),
            ("beside", "secret-in-query"),
        ]);
        let answer = answer(request.send().await?).await?;
        assert!(answer["result"].is_object(), "{answer}");
        let received = arrived(harness, "secret-in-headers", false).await?;
        assert_clean(&received, "secret-in-headers");
        assert_clean(&received, "secret-in-query");
        Ok(())
    });
}

#[test]
fn not_from_arguments_names_or_meta() {
    HARNESS.test(async |harness| {
        let client = connect(harness, &format!("namer password={SECRET}")).await?;
        let arguments = json!({
            "query": "index=main | stats count | eval beside=\"secret-in-arguments\"",
            "password": SECRET,
            "nested": { "api_key": SECRET, "list": [{ "token": SECRET }] },
        });
        let request = with_meta(
            call("run_oneshot_search", &arguments),
            "password",
            json!(SECRET),
        );
        let request = with_meta(request, "baggage", Value::from(format!("token={SECRET}")));
        client.call_tool(request).await?;
        let unknown = client.call_tool(call(
            "tool password=hunter2",
            &json!({ "beside": "secret-in-name" }),
        ));
        assert!(unknown.await.is_err());
        client.cancel().await?;
        assert_clean(
            &arrived(harness, "secret-in-arguments", false).await?,
            "secret-in-arguments",
        );
        let look = |received: &Received| {
            let both = found(received, "secret-in-name").len() > 1;
            both.then(|| received.clone())
        };
        assert_clean(
            &harness.wait_for("the unknown tool", look).await?,
            "secret-in-name",
        );
        Ok(())
    });
}

#[test]
fn not_the_servers_own_token() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "token-user").await?;
        let token = harness.splunk.token().to_owned();
        let spl = format!("index=main token={token} | stats count | eval beside=\"own-token\"");
        client.call_tool(search(&spl)).await?;
        client.cancel().await?;
        let received = arrived(harness, "own-token", false).await?;
        let leaks = found(&received, &token);
        assert!(leaks.is_empty(), "{leaks:#?}");
        Ok(())
    });
}

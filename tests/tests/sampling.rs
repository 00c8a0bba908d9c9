//! The sampling rules, by what the sampler counted and by what arrived.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::LazyLock;

use mcp_telemetry_tests::client::{connect, failed, good_search, search};
use mcp_telemetry_tests::harness::{Harness, splunk_setting};
use splunk_client::{SplunkClient, SplunkConfig};
use telemetry_testkit::Received;
use tokio::task::JoinSet;

/// The base rate: far from 0 and 1, and so is 1.5 times it.
const BASE_RATE: f64 = 0.2;

static HARNESS: LazyLock<Harness> = LazyLock::new(|| Harness::start(BASE_RATE).unwrap());

/// How many requests are under way at once.
const AT_ONCE: u32 = 8;

/// Asks for a page many times.
async fn get(harness: &Harness, path: &str, count: u32) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let mut running = JoinSet::new();
    for share in 0..AT_ONCE {
        let (client, url) = (client.clone(), harness.url(path));
        let count = count / AT_ONCE + u32::from(share < count % AT_ONCE);
        running.spawn(async move {
            for _ in 0..count {
                client.get(&url).send().await?.bytes().await?;
            }
            Ok::<_, reqwest::Error>(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

/// What the sampler saw and kept by a rule.
fn counted(harness: &Harness, rule: &str) -> (u64, u64) {
    let counts = harness.telemetry.sampling();
    let count = counts.iter().find(|count| count.rule == rule);
    count.map_or((0, 0), |count| (count.seen, count.kept))
}

/// Asserts that what was kept is within four standard errors of the rate, and that just so
/// many transactions, and roots by OTLP, of this name arrived. Chance alone fails it once
/// in 16,000 runs.
async fn assert_share(
    harness: &Harness,
    rule: &str,
    seen: u32,
    rate: f64,
    name: &str,
) -> anyhow::Result<()> {
    let (counted_seen, kept) = counted(harness, rule);
    assert_eq!(counted_seen, u64::from(seen), "{rule}");
    let expected = f64::from(seen) * rate;
    let spread = 4.0 * (expected * (1.0 - rate)).sqrt();
    assert!(spread < expected, "too few to tell");
    let off = kept as f64 - expected;
    assert!(
        off.abs() <= spread,
        "{rule}: kept {kept}, expected {expected} ± {spread}"
    );

    let arrived = |received: &Received| {
        let sentry = received.transactions();
        let otlp = received.otlp_spans();
        [
            sentry.iter().filter(|it| it.name == name).count() as u64,
            otlp.iter()
                .filter(|it| it.name == name && it.parent_span_id.is_none())
                .count() as u64,
        ]
    };
    harness
        .wait_for("what was kept", |received| {
            (arrived(received) >= [kept, kept]).then_some(())
        })
        .await?;
    assert_eq!(arrived(&harness.sink.received()), [kept, kept], "{name}");
    Ok(())
}

#[test]
fn one_health_check_in_a_hundred() {
    HARNESS.test(async |harness| {
        get(harness, "/health", 2_000).await?;
        assert_share(harness, "health", 2_000, 0.01, "GET /health").await?;
        let received = harness.sink.received();
        for transaction in received.transactions() {
            if transaction.name != "GET /health" {
                continue;
            }
            assert_eq!(transaction.data["sampling.rule"], "health");
            let dsc = |key: &str| transaction.dsc[key].as_str().unwrap().to_owned();
            let (rate, rand): (f64, f64) =
                (dsc("sample_rate").parse()?, dsc("sample_rand").parse()?);
            assert!(
                (rate - 0.01).abs() < 1e-6,
                "Sentry extrapolates by it: {rate}"
            );
            assert!(rand < rate, "{rand} {rate}");
        }
        Ok(())
    });
}

#[test]
fn other_paths_at_the_base_rate() {
    HARNESS.test(async |harness| {
        get(harness, "/favicon.ico", 800).await?;
        assert_share(harness, "base", 800, BASE_RATE, "GET").await
    });
}

#[test]
fn splunk_operations_by_themselves_at_one_and_a_half_times_the_base_rate() {
    HARNESS.test(async |harness| {
        let config = SplunkConfig::from_lookup(|key| splunk_setting(&harness.splunk, key))?;
        let client = SplunkClient::new(config)?;
        for _ in 0..800 {
            client.server_info().await?;
        }
        assert_share(
            harness,
            "splunk",
            800,
            1.5 * BASE_RATE,
            "splunk/server.info",
        )
        .await?;
        // What is below an operation follows it: all or nothing.
        let received = harness.sink.received();
        for transaction in received.transactions() {
            if transaction.name == "splunk/server.info" {
                assert_eq!(transaction.spans.len(), 1, "{:#?}", transaction.raw);
                assert_eq!(transaction.spans[0].op.as_deref(), Some("http.client"));
            }
        }
        Ok(())
    });
}

#[test]
fn mcp_always_with_all_below_it() {
    HARNESS.test(async |harness| {
        let client = connect(harness, "always").await?;
        for index in 0..40 {
            let call = search(&good_search(&format!("always-{index}")));
            let result = client.call_tool(call).await?;
            assert!(!failed(&result));
        }
        client.cancel().await?;
        for index in 0..40 {
            let trace = harness
                .trace_of_search(&format!("always-{index}"), 5)
                .await?;
            trace.spans(&mcp_telemetry_tests::trace::SEARCH_OPS)?;
            let dsc = &trace.received.transaction_of(&trace.id).unwrap().dsc;
            let rate: f64 = dsc["sample_rate"].as_str().unwrap().parse()?;
            assert!((rate - 1.0).abs() < f64::EPSILON, "{rate}");
        }
        let (seen, kept) = counted(harness, "mcp.http");
        assert!(seen >= 40, "{seen}");
        assert_eq!(seen, kept);
        Ok(())
    });
}

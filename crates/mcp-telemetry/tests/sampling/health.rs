//! Many health checks with fixed trace ids.

use http::HeaderMap;
use telemetry_testkit::Transaction;

use crate::common::Live;
use crate::{FixedIds, ask, dsc, probability};

const CHECKS: u32 = 12_000;
/// Each so many of them fails.
const FAILS: u32 = 200;
const RATE: f64 = 0.01;

/// One in a hundred is kept, those with an error all and whole; and from what arrived the true
/// numbers follow, at Sentry and by OTLP.
#[tokio::test]
async fn one_in_a_hundred_is_kept_and_every_failure() {
    let live = Live::both_from(&[("SENTRY_TRACES_SAMPLE_RATE", "0.3")], |builder| {
        builder.with_id_generator(FixedIds::new(7))
    });
    for check in 0..CHECKS {
        let fails = check % FAILS == 0;
        ask("GET", "/health", HeaderMap::new(), || {
            tracing::info_span!("probe").in_scope(|| {
                drop(tracing::info_span!("ping"));
            });
            if fails { 503 } else { 200 }
        })
        .await;
        if check % 500 == 0 {
            live.telemetry().flush();
        }
    }
    live.telemetry().flush();
    let counts = live.telemetry().sampling();
    let pipeline = live.telemetry().pipeline();
    let received = live.finish();

    let failed = CHECKS / FAILS;
    let health = counts.iter().find(|count| count.rule == "health").unwrap();
    assert_eq!(health.seen, u64::from(CHECKS));
    assert_eq!(pipeline.kept, u64::from(failed));
    assert_eq!((pipeline.dropped_full, pipeline.judged_early), (0, 0));

    let transactions = received.transactions();
    let (kept_whole, by_rate): (Vec<&Transaction>, Vec<&Transaction>) = transactions
        .iter()
        .copied()
        .partition(|it| it.data.contains_key("sampling.kept"));
    assert_eq!(kept_whole.len(), failed as usize);
    for transaction in &transactions {
        assert_eq!(transaction.name, "GET /health");
        assert_eq!(transaction.data["sampling.rule"], "health");
        assert_eq!(transaction.spans.len(), 2, "all of it: {transaction:?}");
        let rate = dsc(transaction, "sample_rate");
        assert!(dsc(transaction, "sample_rand") < rate);
        assert_eq!(transaction.dsc["sampled"], "true");
        assert_eq!(transaction.data["sampling.rate"], rate);
        let is_failure = transaction.data["http.response.status_code"] == 503;
        let expected = if is_failure { 1.0 } else { RATE };
        assert!((rate - expected).abs() < 1e-9, "{rate}");
        assert_eq!(is_failure, transaction.data.contains_key("sampling.kept"));
        if is_failure {
            assert_eq!(transaction.data["sampling.kept"], "error");
        }
    }

    let fine = f64::from(CHECKS - failed);
    let (expected, spread) = (fine * RATE, 4.0 * (fine * RATE * (1.0 - RATE)).sqrt());
    let kept = by_rate.len() as f64;
    assert!(
        (kept - expected).abs() <= spread,
        "kept {kept}, expected {expected} ± {spread}"
    );

    // What is kept by chance stands for 1 / rate; the failures for themselves.
    let error = 4.0 * (kept * (1.0 - RATE)).sqrt() / RATE;
    let at_sentry: f64 = transactions
        .iter()
        .map(|it| 1.0 / dsc(it, "sample_rate"))
        .sum();
    let off = (at_sentry - f64::from(CHECKS)).abs();
    assert!(
        off <= error,
        "{at_sentry} stands for {CHECKS}, within {error}"
    );
    let represented = health.represented.unwrap();
    assert!(
        (represented - f64::from(CHECKS)).abs() <= error + 1.0 / RATE,
        "{represented}"
    );

    let spans = received.otlp_spans();
    assert_eq!(
        spans.len(),
        3 * transactions.len(),
        "both sinks got the same"
    );
    let roots = spans.iter().filter(|it| it.parent_span_id.is_none());
    let by_otlp: f64 = roots.map(|it| 1.0 / probability(it)).sum();
    assert!(
        (by_otlp - at_sentry).abs() < 1e-6 * at_sentry,
        "{by_otlp} {at_sentry}"
    );
    for span in spans {
        let expected = match span.attribute("sampling.kept") {
            Some(_) => 1.0,
            None => probability(span),
        };
        assert!((probability(span) - expected).abs() < 1e-12);
        assert_eq!(span.flags & 1, 1, "sampled");
    }
}

//! What telemetry says of itself.

use std::collections::BTreeSet;

use telemetry_testkit::{Received, Sink};

use crate::common::Live;
use crate::metric;

/// The value of a point for a destination, and for a reason where one is given.
fn value(received: &Received, name: &str, destination: &str, reason: Option<&str>) -> Option<f64> {
    let points = &metric(received, name)?.points;
    let label = |point: &telemetry_testkit::OtlpPoint, key| {
        let value = point.attribute(key)?.as_str();
        value.map(str::to_owned)
    };
    let mut of_both = points.iter().filter(|point| {
        label(point, "otel.component.name").as_deref() == Some(destination)
            && label(point, "error.type").as_deref() == reason
    });
    let found = of_both.next()?.number();
    assert!(of_both.next().is_none(), "{name}: two points of one kind");
    found
}

#[cfg(feature = "sentry")]
#[test]
fn figures_of_both_deliveries_go_out() {
    let sentry = Sink::start().unwrap();
    let dsn = sentry.dsn();
    let live = Live::measured(&[("SENTRY_DSN", &dsn)]);
    for _ in 0..3 {
        drop(tracing::info_span!("work"));
    }
    live.telemetry().flush();
    let handle = live.telemetry().handle();
    let received = live.finish();

    let number = |name: &str, destination| {
        value(
            &received,
            &format!("mcp_telemetry.delivery.{name}"),
            destination,
            None,
        )
    };
    // A client may have more to say than transactions.
    let to_sentry = sentry.received().requests().len();
    let sent = number("sent", "sentry").unwrap();
    assert!((3.0..=to_sentry as f64).contains(&sent), "{sent}");
    let over_otlp = received.requests().len();
    let sent = number("sent", "otlp").unwrap();
    assert!((1.0..over_otlp as f64).contains(&sent), "{sent}");
    for destination in ["sentry", "otlp"] {
        for name in [
            "retried",
            "queued",
            "queued_size",
            "in_flight",
            "spooled",
            "spool_size",
        ] {
            assert_eq!(
                number(name, destination),
                Some(0.0),
                "{name} of {destination}"
            );
        }
        let success = number("last_success", destination).unwrap();
        assert!(success > 1_700_000_000.0, "{success}");
        for reason in [
            "queue_overflow",
            "rate_limited",
            "send_error",
            "network_error",
            "internal_error",
            "shutdown",
            "spool_overflow",
        ] {
            let name = "mcp_telemetry.delivery.dropped";
            let dropped = value(&received, name, destination, Some(reason));
            assert_eq!(dropped, Some(0.0), "{reason} of {destination}");
        }
    }
    // A handle tells of the end, too: of the metrics themselves.
    let figures = handle.otlp_delivery().unwrap();
    assert_eq!(figures.delivery.sent, over_otlp as u64);
    let figures = handle.sentry_delivery().unwrap();
    assert_eq!(figures.sent, to_sentry as u64);
}

/// What goes out is what the page lists, and nothing has other labels.
#[test]
fn every_instrument_of_the_page_and_no_other() {
    let live = Live::measured(&[]);
    drop(tracing::info_span!("work"));
    live.telemetry().flush();
    let received = live.finish();
    let own = received.otlp_metrics().into_iter();
    let own = own.filter(|it| it.name.starts_with("mcp_telemetry."));
    let mut names = BTreeSet::new();
    for it in own {
        names.insert(it.name.clone());
        for point in &it.points {
            let known = ["otel.component.name", "error.type"];
            assert!(
                point
                    .attributes
                    .keys()
                    .all(|key| known.contains(&key.as_str()))
            );
        }
    }
    let page = include_str!("../../ATTRIBUTES.md");
    let listed: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `mcp_telemetry."))
        .filter_map(|rest| Some(format!("mcp_telemetry.{}", rest.split_once('`')?.0)))
        .collect();
    assert_eq!(names, listed);
    assert_eq!(listed.len(), 9);
}

#[test]
fn without_telemetry_a_handle_has_nothing_to_tell() {
    let (config, _) = mcp_telemetry::config::Config::from_lookup_lenient(
        mcp_telemetry::config::AppInfo::new("app", "1"),
        |_| None,
    );
    let _alone = crate::common::alone();
    let (telemetry, _) = mcp_telemetry::Builder::new(config).build().unwrap();
    let handle = telemetry.handle();
    assert!(handle.otlp_delivery().is_none());
    assert!(handle.sampling().is_empty());
    assert!(format!("{handle:?}").starts_with("TelemetryHandle"));
}

//! Durations by OTLP: what is counted, under which labels, whether or not it is traced.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod counted;
mod operations;
mod own;
mod sessions;

use serde_json::{Map, Value as Json};
use telemetry_testkit::{Histogram, OtlpMetric, Received};

/// The points of a metric: labels, and how often they were counted. Sorted by labels.
pub(crate) fn points(received: &Received, name: &str) -> Vec<(Json, u64)> {
    let Some(metric) = metric(received, name) else {
        return Vec::new();
    };
    let mut points: Vec<_> = metric
        .points
        .iter()
        .map(|point| {
            let labels: Map<String, Json> = point.attributes.clone().into_iter().collect();
            (Json::Object(labels), point.histogram().unwrap().count)
        })
        .collect();
    points.sort_by_key(|(labels, _)| labels.to_string());
    points
}

/// The same points, written by a test in any order.
pub(crate) fn expected(points: impl IntoIterator<Item = (Json, u64)>) -> Vec<(Json, u64)> {
    let mut points: Vec<_> = points.into_iter().collect();
    points.sort_by_key(|(labels, _)| labels.to_string());
    points
}

/// A metric: telemetry exports it once, at its end.
pub(crate) fn metric<'a>(received: &'a Received, name: &str) -> Option<&'a OtlpMetric> {
    let found = received.otlp_metrics_named(name);
    assert!(found.len() <= 1, "{name} should come once: {found:?}");
    found.first().copied()
}

/// All histograms of a metric.
pub(crate) fn histograms<'a>(received: &'a Received, name: &str) -> Vec<&'a Histogram> {
    let points = metric(received, name).into_iter().flat_map(|it| &it.points);
    points.map(|point| point.histogram().unwrap()).collect()
}

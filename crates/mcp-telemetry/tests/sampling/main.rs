//! Which traces are kept, and what they say about it to both sinks and to others.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

#[path = "../common/mod.rs"]
mod common;
mod health;
mod kept;
mod parents;
mod rules;

use std::convert::Infallible;
use std::sync::Mutex;

use http::{HeaderMap, Request, Response, StatusCode};
use mcp_telemetry::http::HttpLayer;
use mcp_telemetry::opentelemetry::trace::{SpanId, TraceId};
use mcp_telemetry::opentelemetry_sdk::trace::IdGenerator;
use telemetry_testkit::{OtlpSpan, Transaction};
use tower::{Layer as _, ServiceExt as _};

/// SplitMix64: the same ids in every run.
#[derive(Debug)]
pub(crate) struct FixedIds(Mutex<u64>);

impl FixedIds {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl IdGenerator for FixedIds {
    fn new_trace_id(&self) -> TraceId {
        let high = u128::from(self.next()) << 64;
        TraceId::from(high | u128::from(self.next()))
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from(self.next().max(1))
    }
}

/// A request through the layer to a service that does `work` and answers with its status.
pub(crate) async fn ask(
    method: &str,
    path: &str,
    headers: HeaderMap,
    work: impl Fn() -> u16 + Clone,
) {
    let service = HttpLayer::new().layer(tower::service_fn(move |_: Request<String>| {
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::from_u16(work()).unwrap();
        std::future::ready(Ok::<_, Infallible>(response))
    }));
    let mut request = Request::new(String::new());
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = path.parse().unwrap();
    *request.headers_mut() = headers;
    let response = service.oneshot(request).await.unwrap();
    http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap();
}

/// A number in a transaction's sampling context.
pub(crate) fn dsc(transaction: &Transaction, key: &str) -> f64 {
    let value = transaction.dsc.get(key).and_then(|it| it.as_str());
    value
        .unwrap_or_else(|| panic!("no {key} in {:?}", transaction.dsc))
        .parse()
        .unwrap()
}

/// The probability by `th` in an OTLP span's tracestate.
pub(crate) fn probability(span: &OtlpSpan) -> f64 {
    let ot = span
        .trace_state
        .split(',')
        .find_map(|it| it.strip_prefix("ot="))
        .unwrap();
    let th = ot.split(';').find_map(|it| it.strip_prefix("th:")).unwrap();
    let threshold = u64::from_str_radix(&format!("{th:0<14}"), 16).unwrap();
    1.0 - threshold as f64 / (1_u64 << 56) as f64
}

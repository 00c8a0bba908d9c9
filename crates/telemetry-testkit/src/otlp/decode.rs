//! From a body to typed values.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::common::{resource, scope};
use super::json::from_json;
use super::{OtlpLog, OtlpMetric, OtlpRoute, OtlpSpan};
use crate::problem::ParseError;

/// The signal of an OTLP path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "traces" => Some(Self::Traces),
            "logs" => Some(Self::Logs),
            "metrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// The two encodings of OTLP/HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Protobuf,
    Json,
}

impl Format {
    /// By content type; parameters such as a charset do not matter.
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/x-protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// What one OTLP request carried.
#[derive(Clone, Debug)]
pub(crate) enum OtlpBatch {
    Spans(Vec<OtlpSpan>),
    Logs(Vec<OtlpLog>),
    Metrics(Vec<OtlpMetric>),
}

pub(crate) fn decode(
    signal: Signal,
    format: Format,
    route: OtlpRoute,
    body: &[u8],
) -> Result<OtlpBatch, ParseError> {
    match signal {
        Signal::Traces => spans(message(signal, format, body)?, route).map(OtlpBatch::Spans),
        Signal::Logs => logs(message(signal, format, body)?, route).map(OtlpBatch::Logs),
        Signal::Metrics => metrics(message(signal, format, body)?).map(OtlpBatch::Metrics),
    }
}

fn message<M>(signal: Signal, format: Format, body: &[u8]) -> Result<M, ParseError>
where
    M: Message + Default + serde::de::DeserializeOwned,
{
    match format {
        Format::Protobuf => M::decode(body).map_err(|error| ParseError::Protobuf {
            signal: signal.name(),
            reason: error.to_string(),
        }),
        Format::Json => from_json(signal, body),
    }
}

fn spans(
    request: ExportTraceServiceRequest,
    route: OtlpRoute,
) -> Result<Vec<OtlpSpan>, ParseError> {
    let mut spans = Vec::new();
    for group in request.resource_spans {
        let resource = Arc::new(resource(group.resource));
        for group in group.scope_spans {
            let scope = Arc::new(scope(group.scope));
            for span in group.spans {
                let place = format!("span {}", spans.len());
                spans.push(OtlpSpan::read(&place, span, &resource, &scope, route)?);
            }
        }
    }
    Ok(spans)
}

fn logs(request: ExportLogsServiceRequest, route: OtlpRoute) -> Result<Vec<OtlpLog>, ParseError> {
    let mut logs = Vec::new();
    for group in request.resource_logs {
        let resource = Arc::new(resource(group.resource));
        for group in group.scope_logs {
            let scope = Arc::new(scope(group.scope));
            for record in group.log_records {
                let place = format!("log record {}", logs.len());
                logs.push(OtlpLog::read(&place, record, &resource, &scope, route)?);
            }
        }
    }
    Ok(logs)
}

fn metrics(request: ExportMetricsServiceRequest) -> Result<Vec<OtlpMetric>, ParseError> {
    let mut metrics = Vec::new();
    for group in request.resource_metrics {
        let resource = Arc::new(resource(group.resource));
        for group in group.scope_metrics {
            let scope = Arc::new(scope(group.scope));
            for metric in group.metrics {
                let place = format!("metric {}", metrics.len());
                metrics.push(OtlpMetric::read(&place, metric, &resource, &scope)?);
            }
        }
    }
    Ok(metrics)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":
        {"arrayValue":{"values":[{"intValue":"1"},{"kvlistValue":{}}]}}}]},"scopeSpans":[{"spans":
        [{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","kind":1,
        "links":[],"events":[{"name":"e"}],"status":{"code":2}}]}]}]}"#;

    fn protobuf() -> Vec<u8> {
        let json = SPAN.replace(r#""kvlistValue":{}"#, r#""kvlistValue":{"values":[]}"#);
        let request: ExportTraceServiceRequest = serde_json::from_str(&json).unwrap();
        request.encode_to_vec()
    }

    #[test]
    fn the_samples_are_sound() {
        let route = OtlpRoute::Plain;
        let json = decode(Signal::Traces, Format::Json, route, SPAN.as_bytes());
        assert!(matches!(json, Ok(OtlpBatch::Spans(spans)) if spans.len() == 1));
        let binary = decode(Signal::Traces, Format::Protobuf, route, &protobuf());
        assert!(matches!(binary, Ok(OtlpBatch::Spans(spans)) if spans.len() == 1));
    }

    proptest! {
        #[test]
        fn no_input_panics(
            noise in proptest::collection::vec(any::<u8>(), 1..40),
            at in 0_usize..400,
            cut in 0_usize..400,
        ) {
            for (format, sound) in [
                (Format::Json, SPAN.as_bytes().to_vec()),
                (Format::Protobuf, protobuf()),
            ] {
                let mut spoilt = sound;
                for (byte, noise) in spoilt.iter_mut().skip(at).zip(&noise) {
                    *byte = *noise;
                }
                for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
                    let _ = decode(signal, format, OtlpRoute::Plain, &spoilt);
                    let _ = decode(signal, format, OtlpRoute::Plain, &noise);
                    let cut = spoilt.get(..cut).unwrap_or_default();
                    let _ = decode(signal, format, OtlpRoute::Plain, cut);
                }
            }
        }
    }
}

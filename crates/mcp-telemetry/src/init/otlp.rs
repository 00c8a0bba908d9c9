//! OTLP over HTTP: exporters, and the providers that need one of their own.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::Once;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::HeaderValue;
use http::header::CONTENT_ENCODING;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use otel_pipeline::{BatchOptions, ExporterSink};
use prost::Message as _;
use secrecy::ExposeSecret as _;
use telemetry_sanitizer::Sanitizer;

use super::InitError;
use crate::config::{Compression, OtlpSignal};
use crate::scrub::sanitize_metrics;

/// A sink that sends spans to a collector.
pub(super) fn span_sink(signal: &OtlpSignal) -> Result<ExporterSink, InitError> {
    let http = configured(SpanExporter::builder().with_http(), signal)?;
    let exporter = http
        .build()
        .map_err(|error| build_error("traces", &error))?;
    Ok(ExporterSink::new(exporter, BatchOptions::default()))
}

/// A provider that sends log records to a collector.
pub(super) fn logger_provider(
    signal: &OtlpSignal,
    resource: &Resource,
) -> Result<SdkLoggerProvider, InitError> {
    let http = configured(LogExporter::builder().with_http(), signal)?;
    let exporter = http.build().map_err(|error| build_error("logs", &error))?;
    Ok(SdkLoggerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(exporter)
        .build())
}

/// A provider that sends metrics to a collector.
pub(super) fn meter_provider(
    signal: &OtlpSignal,
    resource: &Resource,
    sanitizer: &Sanitizer,
) -> Result<SdkMeterProvider, InitError> {
    let clean = CleanMetrics {
        client: client(signal)?,
        sanitizer: sanitizer.clone(),
        compression: signal.compression,
    };
    let mut http = addressed(MetricExporter::builder().with_http(), signal);
    http = http.with_http_client(clean);
    if environment_names_compression() {
        // As below; the client undoes it.
        http = http.with_compression(opentelemetry_otlp::Compression::Gzip);
    }
    let exporter = http
        .build()
        .map_err(|error| build_error("metrics", &error))?;
    Ok(SdkMeterProvider::builder()
        .with_resource(resource.clone())
        .with_periodic_exporter(exporter)
        .build())
}

fn build_error(signal: &'static str, error: &ExporterBuildError) -> InitError {
    InitError::Otlp {
        signal,
        reason: error.to_string(),
    }
}

/// Sets on an exporter's builder where a signal's settings send it.
fn addressed<B: WithExportConfig + WithHttpConfig>(builder: B, signal: &OtlpSignal) -> B {
    let headers: HashMap<String, String> = signal
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
        .collect();
    builder
        .with_endpoint(signal.endpoint.clone())
        .with_timeout(signal.timeout)
        .with_headers(headers)
}

/// Sets on an exporter's builder what a signal's settings say.
fn configured<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    signal: &OtlpSignal,
) -> Result<B, InitError> {
    let client = client(signal)?;
    let builder = addressed(builder, signal);
    let gzip = opentelemetry_otlp::Compression::Gzip;
    Ok(match signal.compression {
        Compression::Gzip => builder.with_http_client(client).with_compression(gzip),
        // Without compression set in code, the builder reads the environment itself, and
        // refuses the specification's `none`.
        _ if environment_names_compression() => builder
            .with_http_client(Uncompressed(client))
            .with_compression(gzip),
        _ => builder.with_http_client(client),
    })
}

fn environment_names_compression() -> bool {
    ["", "TRACES_", "LOGS_", "METRICS_"]
        .iter()
        .any(|signal| std::env::var_os(format!("OTEL_EXPORTER_OTLP_{signal}COMPRESSION")).is_some())
}

/// Undoes the compression that the builder could not be kept from.
#[derive(Debug)]
struct Uncompressed(reqwest::blocking::Client);

#[async_trait]
impl HttpClient for Uncompressed {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.0.send_bytes(unpacked(request)?).await
    }
}

/// The request without its compression.
fn unpacked(request: Request<Bytes>) -> std::io::Result<Request<Bytes>> {
    let (mut head, mut body) = request.into_parts();
    if head.headers.remove(CONTENT_ENCODING).is_some() {
        let mut plain = Vec::new();
        GzDecoder::new(body.as_ref()).read_to_end(&mut plain)?;
        body = plain.into();
    }
    Ok(Request::from_parts(head, body))
}

/// Cleans metrics on their way out: nothing before has them and may change them. Labels of
/// the app's own instruments come here too. What cannot be read is not sent.
#[derive(Debug)]
struct CleanMetrics {
    client: reqwest::blocking::Client,
    sanitizer: Sanitizer,
    compression: Compression,
}

#[async_trait]
impl HttpClient for CleanMetrics {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut head, body) = unpacked(request)?.into_parts();
        let mut message = ExportMetricsServiceRequest::decode(body)?;
        sanitize_metrics(&self.sanitizer, &mut message);
        let mut body = message.encode_to_vec();
        if self.compression == Compression::Gzip {
            let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::default());
            packed.write_all(&body)?;
            body = packed.finish()?;
            let gzip = HeaderValue::from_static("gzip");
            head.headers.insert(CONTENT_ENCODING, gzip);
        }
        let request = Request::from_parts(head, Bytes::from(body));
        self.client.send_bytes(request).await
    }
}

/// A blocking client: exporters run on plain threads.
fn client(signal: &OtlpSignal) -> Result<reqwest::blocking::Client, InitError> {
    static PROVIDER: Once = Once::new();
    // Where the app has installed a provider, that one stays.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let mut client = reqwest::blocking::Client::builder()
        .timeout(signal.timeout)
        // Headers with secrets must not follow to another host.
        .redirect(reqwest::redirect::Policy::none());
    if signal.endpoint.starts_with("http://") && !environment_names_a_proxy() {
        // Plain HTTP must work on a machine without certificates.
        client = client.tls_certs_only([]);
    }
    // The client makes a runtime of its own, which must not happen inside another one.
    let built = std::thread::Builder::new()
        .name("otlp-client".to_owned())
        .spawn(move || client.build().map_err(|error| error.to_string()));
    let reason = match built.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(client))) => return Ok(client),
        Ok(Ok(Err(reason))) => reason,
        Ok(Err(_)) => "the HTTP client's thread panicked".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(InitError::Otlp {
        signal: "HTTP",
        reason,
    })
}

fn environment_names_a_proxy() -> bool {
    [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ]
    .iter()
    .any(|name| std::env::var_os(name).is_some())
}

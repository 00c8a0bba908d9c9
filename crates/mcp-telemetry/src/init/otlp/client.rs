//! The exporters' HTTP client: hands every request to the delivery.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::header::CONTENT_ENCODING;
use http::{Request, Response, StatusCode};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message as _;
use telemetry_delivery::{Delivery, DropReason};
use telemetry_sanitizer::Sanitizer;

use super::rules::{Batch, Collector};
use super::{Signal, protobuf};
use crate::config::{Compression, OtlpSignal};
use crate::scrub::sanitize_metrics;

/// The client of one signal's exporter.
#[derive(Debug)]
pub(super) struct Client {
    delivery: Arc<Delivery<Collector>>,
    signal: Signal,
    compression: Compression,
    /// For metrics: nothing before the client has them and may change them.
    sanitizer: Option<Sanitizer>,
}

impl Client {
    pub(super) fn new(
        delivery: Arc<Delivery<Collector>>,
        signal: Signal,
        settings: &OtlpSignal,
    ) -> Self {
        Self {
            delivery,
            signal,
            compression: settings.compression,
            sanitizer: None,
        }
    }

    /// The client of an exporter of metrics, which cleans them. Labels of the app's own
    /// instruments come here, too. What cannot be read is not sent.
    pub(super) fn with_clean_metrics(mut self, sanitizer: &Sanitizer) -> Self {
        self.sanitizer = Some(sanitizer.clone());
        self
    }

    /// The exporter's request as it is to be sent. Its headers do not count: an exporter adds
    /// those of the environment, also where its endpoint is another than the environment's.
    fn batch(&self, request: Request<Bytes>) -> Result<Batch, HttpError> {
        let (head, mut body) = request.into_parts();
        let gzip = head.headers.contains_key(CONTENT_ENCODING);
        let mut plain = if gzip { unpacked(&body)? } else { body.clone() };
        if let Some(sanitizer) = &self.sanitizer {
            let mut message = ExportMetricsServiceRequest::decode(plain)?;
            sanitize_metrics(sanitizer, &mut message);
            plain = message.encode_to_vec().into();
            if self.compression == Compression::Gzip {
                body = packed(&plain)?;
            }
        }
        let items = protobuf::items(self.signal, &plain);
        Ok(match self.compression {
            Compression::Gzip => Batch {
                signal: self.signal,
                gzip,
                body,
                items,
            },
            // Undoes what the exporter could not be kept from.
            Compression::None => Batch {
                signal: self.signal,
                gzip: false,
                body: plain,
                items,
            },
        })
    }
}

fn unpacked(body: &[u8]) -> std::io::Result<Bytes> {
    let mut plain = Vec::new();
    GzDecoder::new(body).read_to_end(&mut plain)?;
    Ok(plain.into())
}

fn packed(plain: &[u8]) -> std::io::Result<Bytes> {
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(plain)?;
    Ok(packed.finish()?.into())
}

#[async_trait]
impl HttpClient for Client {
    /// Accepts what the delivery accepts: 200 says that it is in the queue. What happens to it
    /// then is the delivery's business, and in its figures.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let counts = &self.delivery.protocol().counts;
        counts.say_losses(&self.delivery.stats());
        let batch = self.batch(request)?;
        counts.handed_over(self.signal, batch.items);
        let (status, text) = match self.delivery.accept(batch) {
            Ok(()) => return Ok(Response::new(Bytes::new())),
            Err(DropReason::Shutdown) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "dropped: the delivery has ended",
            ),
            Err(DropReason::QueueOverflow) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "dropped: the delivery's queue is full",
            ),
            Err(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "dropped: the delivery does not run",
            ),
        };
        let mut response = Response::new(Bytes::from_static(text.as_bytes()));
        *response.status_mut() = status;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_executor::block_on;
    use http::HeaderValue;
    use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
    use telemetry_delivery::{HttpOptions, Settings};

    use super::super::rules::Target;
    use super::*;
    use crate::config::{AppInfo, Config};

    /// A request with one span.
    const SPAN: [u8; 6] = [0x0a, 4, 0x12, 2, 0x12, 0];

    /// A client whose delivery gets nowhere.
    fn client(compression: &str, settings: Settings) -> Client {
        let config = Config::from_lookup(AppInfo::new("app", "1"), |name| {
            let value = match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://127.0.0.1:9",
                "OTEL_EXPORTER_OTLP_COMPRESSION" => compression,
                _ => return None,
            };
            Some(value.to_owned())
        });
        let signal = config.unwrap().otlp.traces.unwrap();
        let collector = Collector {
            counts: Arc::default(),
            targets: vec![Target::new(Signal::Traces, &signal).unwrap()],
        };
        // The thread never gets to its work: nothing leaves.
        let settings = settings.with_on_thread_start(|| {
            loop {
                std::thread::park();
            }
        });
        let delivery = settings.start(collector, HttpOptions::new().with_tls(false));
        Client::new(Arc::new(delivery), Signal::Traces, &signal)
    }

    fn request(body: &[u8]) -> Request<Bytes> {
        Request::post("http://127.0.0.1:9/v1/traces")
            .header("content-type", "application/x-protobuf")
            .header("user-agent", "exporter")
            .body(Bytes::copy_from_slice(body))
            .unwrap()
    }

    fn gzipped() -> Request<Bytes> {
        let mut request = request(&packed(&SPAN).unwrap());
        let encoding = HeaderValue::from_static("gzip");
        request.headers_mut().insert(CONTENT_ENCODING, encoding);
        request
    }

    #[test]
    fn the_body_is_compressed_as_the_settings_say() {
        let plain = client("none", Settings::new()).batch(gzipped()).unwrap();
        assert_eq!((&*plain.body, plain.items), (&SPAN[..], 1));
        assert!(!plain.gzip);

        let gzip = client("gzip", Settings::new()).batch(gzipped()).unwrap();
        assert!(gzip.gzip);
        assert_eq!(gzip.body, gzipped().into_body());
        assert_eq!(gzip.items, 1);
    }

    #[test]
    fn metrics_are_cleaned_before_they_are_compressed() {
        let metric = Metric {
            name: "app.steps".to_owned(),
            description: "token=hunter2".to_owned(),
            ..Metric::default()
        };
        let message = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                scope_metrics: vec![ScopeMetrics {
                    metrics: vec![metric],
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        };
        let dirty = message.encode_to_vec();
        for compression in ["none", "gzip"] {
            let client = client(compression, Settings::new());
            let client = client.with_clean_metrics(&Sanitizer::default());
            let mut request = request(&dirty);
            if compression == "gzip" {
                *request.body_mut() = packed(&dirty).unwrap();
                let encoding = HeaderValue::from_static("gzip");
                request.headers_mut().insert(CONTENT_ENCODING, encoding);
            }
            let batch = client.batch(request).unwrap();
            let body = match batch.gzip {
                true => unpacked(&batch.body).unwrap(),
                false => batch.body,
            };
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains("token=***REDACTED***"), "{body}");
            assert!(!body.contains("hunter2"), "{body}");
        }
        let client = client("none", Settings::new());
        let client = client.with_clean_metrics(&Sanitizer::default());
        assert!(client.batch(request(b"no protobuf")).is_err());
    }

    #[test]
    fn a_full_queue_is_said_and_counted() {
        let client = client("none", Settings::new().with_queue_capacity(2));
        let send = || block_on(client.send_bytes(request(&SPAN))).unwrap();
        assert_eq!(send().status(), 200);
        assert_eq!(send().status(), 200);
        let refused = send();
        assert_eq!(refused.status(), 503);
        assert_eq!(&**refused.body(), b"dropped: the delivery's queue is full");
        let figures = client.delivery.stats().snapshot();
        assert_eq!((figures.queued, figures.dropped.queue_overflow), (2, 1));
        let counts = &client.delivery.protocol().counts;
        let traces = counts.snapshot(figures).traces;
        assert_eq!((traces.handed_over, traces.dropped), (3, 1));
        assert_eq!(traces.waiting(), 2);

        assert!(!client.delivery.shutdown(Duration::ZERO));
        let refused = send();
        assert_eq!(refused.status(), 503);
        assert_eq!(&**refused.body(), b"dropped: the delivery has ended");
        assert_eq!(counts.unsent().spans, 3);
    }
}

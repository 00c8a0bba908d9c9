//! What telemetry does, as metrics: the figures of its own deliveries.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter};
use telemetry_delivery::{DeliverySnapshot, Dropped};

use super::figures::seconds;
use super::handle::TelemetryHandle;
use crate::attributes::ERROR_TYPE;
use crate::metrics::{Form, Instrument};

/// Which destination a point is about (OTel's registry, `otel.component.name`): `sentry` or
/// `otlp`. A label of metrics, never an attribute of a span.
const DESTINATION: &str = "otel.component.name";

/// How a figure is read; None where there is none yet.
type Read = fn(&DeliverySnapshot) -> Option<u64>;

/// The figures that are one number for each destination.
const FIGURES: [(Instrument, Read); 8] = [
    (
        counter(
            "mcp_telemetry.delivery.sent",
            "Requests that the server has taken.",
        ),
        |it| Some(it.sent),
    ),
    (
        counter(
            "mcp_telemetry.delivery.retried",
            "Tries of a request after the first.",
        ),
        |it| Some(it.retried),
    ),
    (
        gauge(
            "mcp_telemetry.delivery.queued",
            "{request}",
            "Requests that wait in memory.",
        ),
        |it| Some(it.queued),
    ),
    (
        gauge(
            "mcp_telemetry.delivery.queued_size",
            "By",
            "Memory of what waits.",
        ),
        |it| Some(it.queued_bytes),
    ),
    (
        gauge(
            "mcp_telemetry.delivery.in_flight",
            "{request}",
            "Requests that wait for an answer.",
        ),
        |it| Some(it.in_flight),
    ),
    (
        gauge(
            "mcp_telemetry.delivery.spooled",
            "{request}",
            "Requests that wait on disk alone.",
        ),
        |it| Some(it.spooled),
    ),
    (
        gauge(
            "mcp_telemetry.delivery.spool_size",
            "By",
            "Files of the spool.",
        ),
        |it| Some(it.spool_bytes),
    ),
    (
        gauge(
            "mcp_telemetry.delivery.last_success",
            "s",
            "When the server last took something, in seconds since 1970.",
        ),
        |it| it.last_success.and_then(seconds),
    ),
];

/// What was given up, by `error.type`.
const DROPPED: Instrument = counter(
    "mcp_telemetry.delivery.dropped",
    "Requests that were given up, by `error.type`: why.",
);

const fn counter(name: &'static str, meaning: &'static str) -> Instrument {
    Instrument {
        name,
        unit: "{request}",
        form: Form::Counter,
        meaning,
    }
}

const fn gauge(name: &'static str, unit: &'static str, meaning: &'static str) -> Instrument {
    Instrument {
        name,
        unit,
        form: Form::Gauge,
        meaning,
    }
}

/// All instruments.
pub(crate) fn all() -> impl Iterator<Item = Instrument> {
    FIGURES.into_iter().map(|(it, _)| it).chain([DROPPED])
}

/// Has the figures read whenever metrics are collected.
pub(super) fn observe(meter: &Meter, handle: &TelemetryHandle) {
    for (instrument, read) in FIGURES {
        let handle = handle.clone();
        observed(meter, instrument, move || {
            let points = deliveries(&handle).filter_map(|(destination, figures)| {
                let label = KeyValue::new(DESTINATION, destination);
                Some((read(&figures)?, vec![label]))
            });
            points.collect()
        });
    }
    let handle = handle.clone();
    observed(meter, DROPPED, move || {
        let points = deliveries(&handle).flat_map(|(destination, figures)| {
            by_reason(&figures.dropped).map(|(reason, count)| {
                let labels = vec![
                    KeyValue::new(DESTINATION, destination),
                    KeyValue::new(ERROR_TYPE, reason),
                ];
                (count, labels)
            })
        });
        points.collect()
    });
}

/// A number and its labels.
type Point = (u64, Vec<KeyValue>);

fn observed(
    meter: &Meter,
    instrument: Instrument,
    read: impl Fn() -> Vec<Point> + Send + Sync + 'static,
) {
    let Instrument {
        name,
        unit,
        form,
        meaning,
    } = instrument;
    let observe = move |observer: &dyn AsyncInstrument<u64>| {
        for (number, labels) in read() {
            observer.observe(number, &labels);
        }
    };
    // The provider keeps what was built.
    if form == Form::Counter {
        let builder = meter.u64_observable_counter(name).with_callback(observe);
        let _kept = builder.with_unit(unit).with_description(meaning).build();
    } else {
        let builder = meter.u64_observable_gauge(name).with_callback(observe);
        let _kept = builder.with_unit(unit).with_description(meaning).build();
    }
}

fn deliveries(
    handle: &TelemetryHandle,
) -> impl Iterator<Item = (&'static str, DeliverySnapshot)> + use<> {
    #[cfg(feature = "sentry")]
    let sentry = handle.sentry_delivery().map(|figures| ("sentry", figures));
    #[cfg(not(feature = "sentry"))]
    let sentry = None;
    let otlp = handle.otlp_delivery().map(|it| ("otlp", it.delivery));
    sentry.into_iter().chain(otlp)
}

/// Why, and how many.
pub(super) fn by_reason(dropped: &Dropped) -> [(&'static str, u64); 7] {
    [
        ("queue_overflow", dropped.queue_overflow),
        ("rate_limited", dropped.rate_limited),
        ("send_error", dropped.send_error),
        ("network_error", dropped.network_error),
        ("internal_error", dropped.internal_error),
        ("shutdown", dropped.shutdown),
        ("spool_overflow", dropped.spool_overflow),
    ]
}

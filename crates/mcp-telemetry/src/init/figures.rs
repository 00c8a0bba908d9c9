//! The figures of telemetry as one JSON object.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use telemetry_delivery::DeliverySnapshot;

use super::handle::TelemetryHandle;
use super::observed::by_reason;
use super::otlp::OtlpSignalCounts;

impl TelemetryHandle {
    /// All figures, for a page that tells how telemetry does. There is no secret in them: no
    /// URL, no key, no path, nothing of what is sent.
    ///
    /// `sentry` and `otlp` are there where something goes there. Sizes are bytes, times
    /// seconds since 1970.
    ///
    /// ```
    /// use mcp_telemetry::Builder;
    /// use mcp_telemetry::config::{AppInfo, Config};
    ///
    /// let config = Config::from_lookup(AppInfo::new("app", "1.0.0"), |key| {
    ///     (key == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://127.0.0.1:9".to_owned())
    /// })?;
    /// let (telemetry, _layer) = Builder::new(config).with_stderr_logs(false).build()?;
    /// let figures = telemetry.handle().to_json();
    /// assert_eq!(figures["otlp"]["delivery"]["queued"], 0);
    /// assert_eq!(figures["otlp"]["traces"]["handed_over"], 0);
    /// # drop(telemetry);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        let rules = self.sampling().into_iter();
        let rules = rules.map(|it| json!({ "rule": it.rule, "seen": it.seen, "kept": it.kept }));
        all.insert("sampling".to_owned(), rules.collect());
        let pipeline = self.pipeline();
        let pipeline = json!({
            "delivered": pipeline.delivered,
            "dropped_full": pipeline.dropped_full,
            "dropped_scrub": pipeline.dropped_scrub,
            "failed_sinks": pipeline.failed_sinks,
        });
        all.insert("pipeline".to_owned(), pipeline);
        #[cfg(feature = "sentry")]
        if let Some(figures) = self.sentry_delivery() {
            let transactions = self.sentry_transactions();
            let sentry = json!({
                "delivery": delivery(&figures),
                "transactions": transactions.transactions,
                "spans": transactions.spans,
                "refused": transactions.refused,
                "exceptions": transactions.exceptions,
            });
            all.insert("sentry".to_owned(), sentry);
        }
        if let Some(figures) = self.otlp_delivery() {
            let otlp = json!({
                "delivery": delivery(&figures.delivery),
                "traces": signal(figures.traces),
                "logs": signal(figures.logs),
                "metrics": signal(figures.metrics),
                "last_rejection": figures.last_rejection,
            });
            all.insert("otlp".to_owned(), otlp);
        }
        Value::Object(all)
    }
}

fn delivery(figures: &DeliverySnapshot) -> Value {
    let dropped = by_reason(&figures.dropped).into_iter();
    let dropped: Map<_, _> = dropped
        .map(|(reason, count)| (reason.to_owned(), count.into()))
        .collect();
    json!({
        "queued": figures.queued,
        "queued_size": figures.queued_bytes,
        "in_flight": figures.in_flight,
        "sent": figures.sent,
        "retried": figures.retried,
        "dropped": dropped,
        "stored": figures.stored,
        "recovered": figures.recovered,
        "spooled": figures.spooled,
        "spool_size": figures.spool_bytes,
        "last_success": figures.last_success.and_then(seconds),
        "last_failure": figures.last_failure.and_then(seconds),
        "last_error": figures.last_error,
    })
}

fn signal(counts: OtlpSignalCounts) -> Value {
    json!({
        "handed_over": counts.handed_over,
        "restored": counts.restored,
        "sent": counts.sent,
        "rejected": counts.rejected,
        "dropped": counts.dropped,
        "spooled": counts.spooled,
        "waiting": counts.waiting(),
    })
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> Option<u64> {
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

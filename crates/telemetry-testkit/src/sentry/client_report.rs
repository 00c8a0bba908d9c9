//! Client reports: what the SDK says it has thrown away.

use serde_json::Value;

use crate::json::Fields;
use crate::problem::ParseError;

/// A `client_report` item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClientReport {
    /// Time, in seconds since 1970.
    pub timestamp: Option<f64>,
    /// What was discarded.
    pub discarded_events: Vec<DiscardedEvent>,
    /// The JSON object as it came.
    pub raw: Value,
}

/// One entry of a client report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiscardedEvent {
    /// Reason, for example `queue_overflow`.
    pub reason: String,
    /// Data category, for example `transaction` or `log_item`.
    pub category: String,
    /// How many (bytes for `log_byte`).
    pub quantity: u64,
}

impl ClientReport {
    /// How many of a category were discarded for a reason.
    #[must_use]
    pub fn quantity(&self, reason: &str, category: &str) -> u64 {
        self.discarded_events
            .iter()
            .filter(|entry| entry.reason == reason && entry.category == category)
            .map(|entry| entry.quantity)
            .fold(0, u64::saturating_add)
    }

    pub(super) fn read(raw: Value) -> Result<Self, ParseError> {
        let fields = Fields::of("client_report", &raw)?;
        Ok(Self {
            timestamp: fields.time("timestamp")?,
            discarded_events: fields
                .objects("discarded_events")?
                .iter()
                .map(|entry| {
                    Ok(DiscardedEvent {
                        reason: entry.need_text("reason")?,
                        category: entry.need_text("category")?,
                        quantity: entry.need_count("quantity")?,
                    })
                })
                .collect::<Result<_, ParseError>>()?,
            raw,
        })
    }
}

//! Sentry's side: envelopes and what they carry.

mod client_report;
mod envelope;
mod event;
mod log;
mod session;
mod span;
mod transaction;

pub use client_report::{ClientReport, DiscardedEvent};
pub use envelope::{Envelope, Item, ItemContent};
pub use event::{Breadcrumb, Event, Exception, Mechanism};
pub use log::{Attribute, Log, TraceMetric};
pub use session::{SessionAggregate, SessionUpdate};
pub use span::{SentryLink, SentrySpan};
pub use transaction::Transaction;

//! The rules of Sentry's envelope endpoint.

use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use opentelemetry::Context;
use sentry::client_report::{Reason as TransportReason, Recorder};
use sentry::protocol::client_report::{Item, LossSource, Reason};
use sentry::protocol::{ClientReport, EnvelopeFilterCallbacks, EnvelopeItem};
use sentry::{Envelope, TransportOptions};
use telemetry_delivery::{
    Answer, DropReason, Load, NotSent, Post, Priority, Protocol, Url, Verdict,
};

use super::Compression;
use super::kind::{self, Contents, Loss};
use super::limits::RateLimits;
use super::wire::{Gzip, Wire, WireError, public_dsn};

/// An envelope on its way.
#[derive(Debug)]
pub(super) struct Parcel {
    contents: Contents,
    body: Body,
}

/// The two forms in which an envelope waits.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the delivery boxes a parcel as a whole, once, on the application's thread"
)]
enum Body {
    /// As it came: not yet serialized.
    Envelope(Envelope),
    /// As it is sent; kept for another attempt.
    Wire(Wire),
}

impl Parcel {
    pub(super) fn new(contents: Contents, envelope: Envelope) -> Self {
        Self {
            contents,
            body: Body::Envelope(envelope),
        }
    }
}

impl Load for Parcel {
    fn priority(&self) -> Priority {
        self.contents.priority.into()
    }

    fn bytes(&self) -> usize {
        self.contents.size
    }

    fn counts_once(&self) -> bool {
        self.contents.counts_once
    }
}

/// One client's endpoint: its limits, and where its losses are recorded.
#[derive(Debug)]
pub(super) struct Envelopes {
    url: Url,
    /// For the envelope header.
    dsn: String,
    gzip: Option<Mutex<Gzip>>,
    limits: Mutex<RateLimits>,
    recorder: Recorder,
}

impl Envelopes {
    pub(super) fn new(options: &TransportOptions, compression: Compression) -> Self {
        Self {
            url: options.dsn.envelope_api_url(),
            dsn: public_dsn(&options.dsn),
            gzip: match compression {
                Compression::Identity => None,
                Compression::Gzip { level } => Some(Mutex::new(Gzip::new(level))),
            },
            limits: Mutex::default(),
            recorder: options.client_report_recorder.clone(),
        }
    }

    /// Takes out what the server asked not to send: single items where they are typed, else all.
    fn admit(&self, parcel: &mut Parcel) -> Result<(), NotSent> {
        let now = Instant::now();
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if !limits.any(now) {
            return Ok(());
        }
        let admitted = match &mut parcel.body {
            Body::Envelope(envelope) if parcel.contents.typed => {
                let headers = envelope.headers().clone();
                let mut losses = Vec::new();
                let rest = std::mem::take(envelope).filter(EnvelopeFilterCallbacks::new(
                    |item: &_| !limits.is_limited(kind::of_type(kind::type_of(item)).1, now),
                    |item: EnvelopeItem| {
                        losses.extend(item.losses().map(Loss::from));
                    },
                ));
                match rest {
                    Some(rest) => {
                        self.lose_items(&losses, DropReason::RateLimited);
                        // Filtering loses the headers.
                        *envelope = rest.with_headers(headers);
                        parcel.contents = kind::typed(envelope);
                        true
                    }
                    None => false,
                }
            }
            _ => !limits.is_limited(parcel.contents.categories, now),
        };
        match admitted {
            true => Ok(()),
            false => Err(NotSent::RateLimited),
        }
    }

    /// The body of the next attempt.
    fn pack(&self, parcel: &mut Parcel) -> Result<Vec<u8>, WireError> {
        if let Body::Envelope(envelope) = &parcel.body {
            let wire = Wire::new(envelope)?;
            parcel.contents.size = wire.len();
            parcel.body = Body::Wire(wire);
        }
        let Body::Wire(wire) = &mut parcel.body else {
            return Err(WireError::Serialize);
        };
        let line = wire.header_line(&self.dsn, SystemTime::now())?;
        match &self.gzip {
            None => Ok([line.as_slice(), wire.items()].concat()),
            Some(gzip) => gzip
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .compress(&[&line, wire.items()]),
        }
    }

    /// Records items that are lost.
    fn lose_items(&self, losses: &[Loss], reason: DropReason) {
        let Some(default) = reported(reason) else {
            return;
        };
        let items = losses
            .iter()
            .map(|loss| Item::new(loss.category, loss.reason.unwrap_or(default), loss.quantity));
        // A report as the source is the one way to record a loss in any category. Its entries
        // bring their own reasons, so the reason given here goes unused.
        self.recorder
            .record_lost_data(&ClientReport::new(items), TransportReason::InternalError);
    }
}

impl Protocol for Envelopes {
    type Load = Parcel;

    fn post(&self, parcel: &mut Parcel) -> Result<Post, NotSent> {
        debug_assert!(
            Context::is_current_telemetry_suppressed(),
            "what the delivery does must not come back as telemetry"
        );
        self.admit(parcel)?;
        let body = self.pack(parcel).map_err(|error| NotSent::Broken {
            error: error.to_string(),
        })?;
        Ok(Post::new(self.url.clone(), body))
    }

    fn judge(&self, _: &Parcel, answer: &Answer) -> Verdict {
        self.limits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .update(answer, Instant::now());
        match answer.status {
            200..300 => Verdict::Delivered,
            429 => Verdict::Refused(DropReason::TooManyRequests),
            500..600 => Verdict::TryAgain {
                after: answer.retry_after(),
                // It is no rate limit.
                lane_waits: false,
                otherwise: DropReason::SendError,
            },
            _ => Verdict::Refused(DropReason::SendError),
        }
    }

    fn lost(&self, parcel: &Parcel, reason: DropReason) {
        self.lose_items(&parcel.contents.losses, reason);
    }

    /// The envelope as it is serialized; its server and key are those of the client that reads
    /// it back.
    fn store(&self, parcel: &Parcel) -> Option<Vec<u8>> {
        parcel.body.bytes()
    }

    fn restore(&self, stored: Vec<u8>) -> Option<Parcel> {
        raw_parcel(stored)
    }

    fn without_once(&self, parcel: &mut Parcel) -> bool {
        let [rest, once] = match parcel.body.bytes() {
            Some(bytes) => kind::split_once_items(&bytes),
            None => [None, None],
        };
        let Some(rest) = rest.and_then(raw_parcel) else {
            // The losses that a report told of may be known to the server.
            let losses = &mut parcel.contents.losses;
            losses.retain(|loss| loss.reason.is_none());
            return false;
        };
        if let Some(once) = once.and_then(raw_parcel) {
            self.lose_items(&once.contents.losses, DropReason::NetworkError);
        }
        *parcel = rest;
        true
    }
}

impl Body {
    /// The envelope's bytes.
    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Envelope(envelope) => {
                let mut bytes = Vec::new();
                envelope.to_writer(&mut bytes).ok()?;
                Some(bytes)
            }
            Self::Wire(wire) => Some(wire.bytes().to_vec()),
        }
    }
}

/// The parcel of an envelope's bytes.
fn raw_parcel(bytes: Vec<u8>) -> Option<Parcel> {
    let envelope = Envelope::from_bytes_raw(bytes).ok()?;
    match kind::inspect(&envelope) {
        kind::Verdict::Send(contents) => Some(Parcel::new(contents, envelope)),
        kind::Verdict::Empty | kind::Verdict::Malformed => None,
    }
}

/// The reason that a client report gives; None where the server counts the loss itself.
fn reported(reason: DropReason) -> Option<Reason> {
    match reason {
        DropReason::QueueOverflow => Some(Reason::QueueOverflow),
        DropReason::SpoolOverflow => Some(Reason::BufferOverflow),
        DropReason::RateLimited => Some(Reason::RatelimitBackoff),
        DropReason::TooManyRequests => None,
        DropReason::SendError => Some(Reason::SendError),
        // What could not be sent in the time there was.
        DropReason::NetworkError | DropReason::Shutdown => Some(Reason::NetworkError),
        _ => Some(Reason::InternalSdkError),
    }
}

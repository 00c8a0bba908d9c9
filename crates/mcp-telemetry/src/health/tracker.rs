//! Where sessions are counted and sent from.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use sentry::protocol::{SessionAggregateItem, SessionAggregates, SessionAttributes};
use sentry::{Client, Envelope, Integration};
use telemetry_sanitizer::Sanitizer;

use super::Ended;
use super::counts::{Counts, Minute};

/// How often counts are sent, as Sentry's SDKs do.
const INTERVAL: Duration = Duration::from_secs(60);

/// The most buckets in an item.
const ITEM_BUCKETS: usize = 100;

/// The longest user id that is sent, in characters.
const USER_LIMIT: usize = 200;

/// Counts the sessions of one client, as one of its integrations.
#[derive(Clone)]
pub(crate) struct Tracker(Arc<Shared>);

struct Shared {
    counts: Mutex<Counts>,
    /// Told when telemetry ends.
    ended: Mutex<bool>,
    wake: Condvar,
    sanitizer: Sanitizer,
}

/// A session that runs; known by the minute it began in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started(Minute);

impl Tracker {
    pub(crate) fn new(sanitizer: Sanitizer) -> Self {
        Self(Arc::new(Shared {
            counts: Mutex::default(),
            ended: Mutex::default(),
            wake: Condvar::new(),
            sanitizer,
        }))
    }

    pub(super) fn start(&self) -> Started {
        let minute = Minute::of(SystemTime::now());
        self.counts().start(minute);
        Started(minute)
    }

    pub(super) fn end(&self, started: Started, user: Option<&str>, ended: Ended) {
        // As on events, which is where Sentry has users from as well.
        let user = user.map(|user| {
            let clean = self.0.sanitizer.text(user);
            clean.chars().take(USER_LIMIT).collect()
        });
        self.counts().end(started.0, user, ended);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next time to send; false at the end.
    fn wait(&self) -> bool {
        let next = Instant::now() + INTERVAL;
        let mut ended = self.0.ended.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = next.saturating_duration_since(Instant::now());
            if *ended || left.is_zero() {
                return !*ended;
            }
            let waited = self.0.wake.wait_timeout(ended, left);
            (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self) {
        let mut ended = self.0.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended = true;
        self.0.wake.notify_all();
    }
}

impl Integration for Tracker {
    fn name(&self) -> &'static str {
        "mcp-sessions"
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker").finish_non_exhaustive()
    }
}

/// Sends what a tracker counts, each minute and at the end.
#[derive(Debug)]
pub(crate) struct Sessions {
    tracker: Tracker,
    client: Weak<Client>,
}

impl Sessions {
    /// `client` has this tracker among its integrations.
    pub(crate) fn new(tracker: Tracker, client: &Arc<Client>) -> Self {
        let sessions = Self {
            tracker,
            client: Arc::downgrade(client),
        };
        let (tracker, client) = (sessions.tracker.clone(), sessions.client.clone());
        let run = move || {
            let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
            while tracker.wait() {
                send(&tracker, &client);
            }
        };
        // Without a thread they are sent by `flush` and at the end.
        let _ = std::thread::Builder::new()
            .name("telemetry-sessions".to_owned())
            .spawn(run);
        sessions
    }

    /// Hands what has ended to the client.
    pub(crate) fn flush(&self) {
        send(&self.tracker, &self.client);
    }

    /// Counts what still runs as cut off, and hands everything to the client.
    pub(crate) fn close(&self) {
        self.tracker.stop();
        self.tracker.counts().close();
        self.flush();
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.tracker.stop();
    }
}

fn send(tracker: &Tracker, client: &Weak<Client>) {
    let buckets = tracker.counts().take();
    let Some(client) = client.upgrade() else {
        return;
    };
    // Sentry takes no session without a release.
    let Some(release) = client.options().release.clone() else {
        return;
    };
    let attributes = SessionAttributes {
        release,
        environment: client.options().environment.clone(),
        ip_address: None,
        user_agent: None,
    };
    for envelope in envelopes(buckets, &attributes) {
        client.send_envelope(envelope);
    }
}

/// The buckets in as many envelopes as they need, an item in each.
fn envelopes(
    buckets: Vec<SessionAggregateItem>,
    attributes: &SessionAttributes<'static>,
) -> Vec<Envelope> {
    let chunks = buckets.chunks(ITEM_BUCKETS).map(|chunk| {
        let mut envelope = Envelope::new();
        envelope.add_item(SessionAggregates {
            aggregates: chunk.to_vec(),
            attributes: attributes.clone(),
        });
        envelope
    });
    chunks.collect()
}

#[cfg(test)]
mod tests {
    use sentry::protocol::EnvelopeItem;

    use super::*;

    #[test]
    fn an_item_has_a_hundred_buckets_at_most() {
        let mut counts = Counts::default();
        let minute = Minute::of(SystemTime::now());
        for number in 0..250 {
            counts.end(minute, Some(number.to_string()), Ended::Exited);
        }
        let attributes = SessionAttributes {
            release: "app@1".into(),
            environment: None,
            ip_address: None,
            user_agent: None,
        };
        let sizes: Vec<Vec<usize>> = envelopes(counts.take(), &attributes)
            .iter()
            .map(|envelope| {
                let items = envelope.items().map(|item| match item {
                    EnvelopeItem::SessionAggregates(item) => item.aggregates.len(),
                    other => panic!("{other:?}"),
                });
                items.collect()
            })
            .collect();
        assert_eq!(sizes, [[100], [100], [50]]);
        assert!(envelopes(Vec::new(), &attributes).is_empty());
    }
}

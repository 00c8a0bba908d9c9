//! What a delivery must be told: what it carries, and the rules of the server that gets it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use reqwest::Url;

use crate::{DropReason, parse_retry_after};

/// The order in which loads leave, the most urgent first.
///
/// When the queue is full, the newest of the least urgent goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Goes before all others, and opens 4 requests beyond the limit.
    Urgent,
    /// Small and few: opens 2 requests beyond the limit.
    High,
    /// Before the bulk.
    Normal,
    /// The bulk.
    Low,
    /// What nobody misses.
    Lowest,
}

impl Priority {
    /// All of them, the most urgent first.
    pub(crate) const ALL: [Self; 5] = [
        Self::Urgent,
        Self::High,
        Self::Normal,
        Self::Low,
        Self::Lowest,
    ];
}

/// Something to deliver: what one request carries.
pub trait Load: Send + 'static {
    /// How urgent it is. Must be cheap, and may change only in [`Protocol::post`].
    fn priority(&self) -> Priority;

    /// How many bytes of memory it takes; an estimate will do. Must be cheap, and may change
    /// only in [`Protocol::post`].
    fn bytes(&self) -> usize;

    /// Whether any of it must not arrive twice: see [`Protocol::without_once`]. Must be cheap.
    fn counts_once(&self) -> bool {
        false
    }
}

/// The rules of a server: how a load is sent, what an answer means, what a loss entails.
///
/// All but [`lost`](Self::lost) and [`kept`](Self::kept) runs on the delivery's own thread.
pub trait Protocol: Send + Sync + 'static {
    /// What is sent.
    type Load: Load;

    /// The request of the next attempt. Called anew for each.
    ///
    /// # Errors
    ///
    /// Where the load must not or cannot be sent: it is dropped.
    fn post(&self, load: &mut Self::Load) -> Result<Post, NotSent>;

    /// What an answer means.
    fn judge(&self, load: &Self::Load, answer: &Answer) -> Verdict;

    /// A load was given up. The delivery has counted it in its own figures.
    ///
    /// Runs on any thread, and under the queue's lock: it must be quick, and must not call the
    /// delivery.
    fn lost(&self, load: &Self::Load, reason: DropReason) {
        let _ = (load, reason);
    }

    /// The bytes that a spool keeps of a load; None where it is not kept. No secret that a later
    /// process has by itself belongs there.
    fn store(&self, load: &Self::Load) -> Option<Vec<u8>> {
        let _ = load;
        None
    }

    /// A load that a spool has kept, maybe one of an earlier process; None where it cannot be
    /// sent any more.
    fn restore(&self, stored: Vec<u8>) -> Option<Self::Load> {
        let _ = stored;
        None
    }

    /// Takes out of a load what must not arrive twice, because nobody knows whether an attempt
    /// has arrived; false where nothing is left. Called only where there is a spool.
    fn without_once(&self, load: &mut Self::Load) -> bool {
        !load.counts_once()
    }

    /// A load stays in the spool alone: it is neither sent nor lost, and comes again by
    /// [`restore`](Self::restore), maybe in another process.
    ///
    /// Runs where [`lost`](Self::lost) does.
    fn kept(&self, load: &Self::Load) {
        let _ = load;
    }
}

/// One POST request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Post {
    /// Where to.
    pub url: Url,
    /// Headers beside those of [`HttpOptions::with_headers`](crate::HttpOptions::with_headers).
    pub headers: HeaderMap,
    /// The body as it goes over the line.
    pub body: Bytes,
    /// How long this attempt may take in all, where that is not the delivery's own limit.
    pub timeout: Option<Duration>,
}

impl Post {
    /// A request without headers of its own.
    #[must_use]
    pub fn new(url: Url, body: impl Into<Bytes>) -> Self {
        Self {
            url,
            headers: HeaderMap::new(),
            body: body.into(),
            timeout: None,
        }
    }
}

/// Why there is no request for a load.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSent {
    /// The server has asked not to be sent this for now.
    RateLimited,
    /// The load is broken.
    Broken {
        /// In a few words, without any of its contents.
        error: String,
    },
}

/// A server's answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The first 64 KiB of the body, or as much as came of it.
    pub body: Bytes,
}

impl Answer {
    /// An answer without headers and body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status / 100 == 2
    }

    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The pause that the server asks for, if it does so in words that can be read.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        parse_retry_after(self.header(RETRY_AFTER.as_str())?, SystemTime::now())
    }
}

/// What becomes of a load after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It has arrived.
    Delivered,
    /// It is tried again, as long as the settings allow.
    TryAgain {
        /// Not before this time.
        after: Option<Duration>,
        /// Whether nothing else of its priority is sent before that either.
        lane_waits: bool,
        /// What it counts as where it is given up after all.
        otherwise: DropReason,
    },
    /// It is dropped.
    Refused(DropReason),
}

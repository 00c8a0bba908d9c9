//! A delivery with a spool, against a loopback server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed set-up fails the test"
)]

mod ends;
mod killed;
mod once;
mod outages;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use telemetry_delivery::{
    Answer, Delivery, DeliverySnapshot, DropReason, HttpOptions, Load, NotSent, Post, Priority,
    Protocol, Settings, SpoolOptions, Url, Verdict,
};
use telemetry_testkit::Sink;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A load that goes to a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item {
    priority: Priority,
    number: usize,
    /// Whether it must not arrive twice.
    once: bool,
}

const PRIORITIES: [Priority; 5] = [
    Priority::Urgent,
    Priority::High,
    Priority::Normal,
    Priority::Low,
    Priority::Lowest,
];

/// What an item takes on disk: enough of them to fill a spool.
const PADDING: usize = 1000;

impl Load for Item {
    fn priority(&self) -> Priority {
        self.priority
    }

    fn bytes(&self) -> usize {
        PADDING
    }

    fn counts_once(&self) -> bool {
        self.once
    }
}

/// Tries every failure again but 400, and keeps what it is told.
#[derive(Default)]
struct Told {
    lost: Vec<(usize, DropReason)>,
    kept: Vec<usize>,
    restored: Vec<usize>,
}

struct Items {
    server: Url,
    told: Arc<Mutex<Told>>,
}

impl Protocol for Items {
    type Load = Item;

    fn post(&self, item: &mut Item) -> Result<Post, NotSent> {
        let url = self.server.join(&format!("/v1/logs?{}", item.number));
        let mut post = Post::new(url.unwrap(), "{}");
        let json = "application/json".parse().unwrap();
        post.headers.insert("content-type", json);
        Ok(post)
    }

    fn judge(&self, _: &Item, answer: &Answer) -> Verdict {
        match answer.status {
            200..300 => Verdict::Delivered,
            400 => Verdict::Refused(DropReason::SendError),
            _ => Verdict::TryAgain {
                after: answer.retry_after(),
                lane_waits: false,
                otherwise: DropReason::SendError,
            },
        }
    }

    fn lost(&self, item: &Item, reason: DropReason) {
        self.told.lock().unwrap().lost.push((item.number, reason));
    }

    fn store(&self, item: &Item) -> Option<Vec<u8>> {
        let Item {
            priority,
            number,
            once,
        } = item;
        let text = format!("{} {number} {once} ", *priority as u8);
        Some([text.as_bytes(), &[b'x'; PADDING]].concat())
    }

    fn restore(&self, stored: Vec<u8>) -> Option<Item> {
        let text = String::from_utf8(stored).ok()?;
        let mut words = text.split(' ');
        let item = Item {
            priority: PRIORITIES[words.next()?.parse::<usize>().ok()?],
            number: words.next()?.parse().ok()?,
            once: words.next()?.parse().ok()?,
        };
        self.told.lock().unwrap().restored.push(item.number);
        Some(item)
    }

    fn kept(&self, item: &Item) {
        self.told.lock().unwrap().kept.push(item.number);
    }
}

fn item(priority: Priority, number: usize) -> Item {
    Item {
        priority,
        number,
        once: false,
    }
}

fn once(number: usize) -> Item {
    Item {
        priority: Priority::Normal,
        number,
        once: true,
    }
}

/// A directory for a spool, gone at the end of the test.
struct Scratch {
    path: PathBuf,
    reports: Arc<Mutex<Vec<String>>>,
}

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spool-{}-{number}", std::process::id());
        Self {
            path: std::env::temp_dir().join(name),
            reports: Arc::default(),
        }
    }

    fn options(&self) -> SpoolOptions {
        let reports = Arc::clone(&self.reports);
        SpoolOptions::new(&self.path)
            .with_on_report(move |report| reports.lock().unwrap().push(report.to_owned()))
    }

    /// Settings that lose no time, with this spool.
    fn settings(&self) -> Settings {
        impatient().with_spool(self.options())
    }

    fn reports(&self) -> Vec<String> {
        self.reports.lock().unwrap().clone()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Three attempts at once, and half a second until the next look at what has failed.
fn impatient() -> Settings {
    Settings::new()
        .with_max_attempts(3)
        .with_max_retry_age(Duration::from_millis(500))
        .with_retry_base_delay(Duration::from_millis(1))
}

fn start(server: &str, settings: &Settings) -> Delivery<Items> {
    let items = Items {
        server: server.parse().unwrap(),
        told: Arc::default(),
    };
    let http = HttpOptions::new()
        .with_tls(false)
        .with_request_timeout(Duration::from_millis(300));
    settings.start(items, http)
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// How often the server saw each number.
fn seen(sink: &Sink) -> BTreeMap<usize, usize> {
    let mut seen = BTreeMap::new();
    for request in sink.received().requests() {
        let number = request.query.as_deref().unwrap().parse().unwrap();
        *seen.entry(number).or_default() += 1;
    }
    seen
}

#[track_caller]
fn wait_for(
    delivery: &Delivery<Items>,
    done: impl Fn(&DeliverySnapshot) -> bool,
) -> DeliverySnapshot {
    let until = Instant::now() + PATIENCE;
    loop {
        let figures = delivery.stats().snapshot();
        if done(&figures) {
            return figures;
        }
        assert!(Instant::now() < until, "{figures:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Nothing waits, in memory or on disk.
fn is_through(figures: &DeliverySnapshot) -> bool {
    (figures.queued, figures.in_flight, figures.spooled) == (0, 0, 0)
}

/// Files of the spool, without the lock.
fn files(path: &Path) -> usize {
    fs::read_dir(path).unwrap().count() - 1
}

//! A whole delivery against a loopback server.

#![allow(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use telemetry_delivery::{
    Answer, Delivery, DeliverySnapshot, DropReason, HttpOptions, Load, NotSent, Post, Priority,
    Protocol, Settings, Url, Verdict,
};
use telemetry_testkit::{Fault, Sink};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A load that goes to a path of its own.
struct Item {
    priority: Priority,
    number: usize,
    bytes: usize,
}

impl Load for Item {
    fn priority(&self) -> Priority {
        self.priority
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Tries every failure again, and keeps the numbers of what is lost.
struct Items {
    server: Url,
    lost: Arc<Mutex<Vec<(usize, DropReason)>>>,
}

impl Protocol for Items {
    type Load = Item;

    fn post(&self, item: &mut Item) -> Result<Post, NotSent> {
        if item.bytes == 0 {
            return Err(NotSent::Broken {
                error: "nothing in it".to_owned(),
            });
        }
        let url = self.server.join(&format!("/v1/logs?{}", item.number));
        let mut post = Post::new(url.unwrap(), "{}");
        let json = "application/json".parse().unwrap();
        post.headers.insert("content-type", json);
        Ok(post)
    }

    fn judge(&self, _: &Item, answer: &Answer) -> Verdict {
        match answer.is_success() {
            true => Verdict::Delivered,
            false => Verdict::TryAgain {
                after: answer.retry_after(),
                lane_waits: true,
                otherwise: DropReason::SendError,
            },
        }
    }

    fn lost(&self, item: &Item, reason: DropReason) {
        self.lost.lock().unwrap().push((item.number, reason));
    }
}

fn start(sink: &Sink, settings: &Settings) -> Delivery<Items> {
    let items = Items {
        server: sink.url().parse().unwrap(),
        lost: Arc::default(),
    };
    settings.start(items, HttpOptions::new().with_tls(false))
}

fn item(priority: Priority, number: usize) -> Item {
    Item {
        priority,
        number,
        bytes: 1,
    }
}

/// The numbers of the items, in the order in which the server saw them.
fn seen(sink: &Sink) -> Vec<usize> {
    let received = sink.received();
    let requests = received.requests();
    let number = |query: Option<&str>| query.unwrap().parse().unwrap();
    requests
        .iter()
        .map(|request| number(request.query.as_deref()))
        .collect()
}

fn wait_for(delivery: &Delivery<Items>, done: impl Fn(&DeliverySnapshot) -> bool) {
    let until = Instant::now() + PATIENCE;
    loop {
        let figures = delivery.stats().snapshot();
        if done(&figures) {
            return;
        }
        assert!(Instant::now() < until, "{figures:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn all_arrive_several_at_a_time_over_few_connections() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::delay(Duration::from_millis(5)));
    let delivery = start(&sink, &Settings::new().with_max_in_flight(4));
    for number in 0..100 {
        delivery.accept(item(Priority::Normal, number)).unwrap();
    }
    assert!(delivery.flush(PATIENCE));
    let mut numbers = seen(&sink);
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    let most = sink.received().max_in_flight();
    assert!((2..=4).contains(&most), "{most} at once");
    let figures = delivery.stats().snapshot();
    assert_eq!((figures.sent, figures.bytes_sent), (100, 200));
    assert_eq!((figures.queued, figures.queued_bytes), (0, 0));
    assert!(figures.last_success.is_some() && figures.last_failure.is_none());
}

#[test]
fn a_pause_holds_back_one_priority_and_not_the_next() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::status(503).header("retry-after", "30").times(1));
    let delivery = start(&sink, &Settings::new());
    delivery.accept(item(Priority::Low, 0)).unwrap();
    wait_for(&delivery, |it| it.last_error.is_some() && it.in_flight == 0);
    delivery.accept(item(Priority::Low, 1)).unwrap();
    delivery.accept(item(Priority::Urgent, 2)).unwrap();
    wait_for(&delivery, |it| it.sent == 1 && it.in_flight == 0);
    assert_eq!(delivery.stats().snapshot().queued, 2);
    assert_eq!(seen(&sink), [0, 2]);

    // Nothing may go within the time, so nothing is waited for.
    let begun = Instant::now();
    assert!(!delivery.shutdown(Duration::from_secs(20)));
    assert!(begun.elapsed() < Duration::from_secs(15));
    let mut lost = delivery.protocol().lost.lock().unwrap().clone();
    lost.sort_unstable_by_key(|(number, _)| *number);
    let cut_off = DropReason::Shutdown;
    assert_eq!(lost, [(0, cut_off), (1, cut_off)]);
    assert_eq!(delivery.stats().snapshot().dropped.shutdown, 2);
}

/// A pause of the delivery's own is cut short by the end.
#[test]
fn at_the_end_everything_gets_one_more_try() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::reset().times(1));
    let an_hour = Duration::from_secs(3600);
    let settings = Settings::new()
        .with_max_retry_age(2 * an_hour)
        .with_retry_base_delay(2 * an_hour);
    let delivery = start(&sink, &settings);
    delivery.accept(item(Priority::Normal, 0)).unwrap();
    // The pause is random, and up to 15 s.
    wait_for(&delivery, |it| it.last_error.is_some() && it.in_flight == 0);
    assert!(delivery.shutdown(PATIENCE));
    let figures = delivery.stats().snapshot();
    assert_eq!((figures.sent, figures.dropped.total()), (1, 0));
    assert_eq!(
        delivery.accept(item(Priority::Normal, 1)),
        Err(DropReason::Shutdown)
    );
}

#[test]
fn what_is_refused_at_the_door_is_counted_and_told() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang());
    let settings = Settings::new().with_max_in_flight(1).with_queue_bytes(100);
    let delivery = start(&sink, &settings);
    delivery.accept(item(Priority::Low, 0)).unwrap();
    wait_for(&delivery, |it| it.in_flight == 1);
    let large = |number, bytes| Item {
        priority: Priority::Low,
        number,
        bytes,
    };
    delivery.accept(large(1, 60)).unwrap();
    assert_eq!(delivery.stats().snapshot().queued_bytes, 60);
    assert_eq!(
        delivery.accept(large(2, 60)),
        Err(DropReason::QueueOverflow)
    );
    assert_eq!(
        delivery.accept(large(3, 200)),
        Err(DropReason::QueueOverflow)
    );
    delivery.reject("no load at all");
    let figures = delivery.stats().snapshot();
    assert_eq!(figures.dropped.queue_overflow, 2);
    assert_eq!(figures.dropped.internal_error, 1);
    assert_eq!(figures.last_error.as_deref(), Some("no load at all"));
    sink.clear_faults();
    assert!(delivery.flush(PATIENCE));
    delivery.accept(large(4, 0)).unwrap();
    assert!(delivery.flush(PATIENCE));
    let lost = delivery.protocol().lost.lock().unwrap().clone();
    let full = DropReason::QueueOverflow;
    assert_eq!(lost, [(2, full), (3, full), (4, DropReason::InternalError)]);
    assert_eq!(delivery.stats().snapshot().sent, 2);
}

#[test]
fn a_delivery_that_cannot_start_drops_everything_and_says_why() {
    let sink = Sink::start().unwrap();
    let items = Items {
        server: sink.url().parse().unwrap(),
        lost: Arc::default(),
    };
    let delivery = Settings::new().start_broken(items, "no address");
    let dropped = delivery.accept(item(Priority::Urgent, 0));
    assert_eq!(dropped, Err(DropReason::InternalError));
    assert!(delivery.flush(Duration::ZERO), "dropped is done with");
    assert!(delivery.shutdown(Duration::ZERO));
    let figures = delivery.stats().snapshot();
    assert_eq!(figures.dropped.internal_error, 1);
    assert_eq!(figures.last_error.as_deref(), Some("no address"));
}

//! Waiting: arrival, time-out, and what the error says.

use std::time::{Duration, Instant};

use telemetry_testkit::{Fault, Sink, WaitTimeout};

use crate::{LONG, TRACE, post_envelope, raw, transaction_envelope};

#[test]
fn a_blocking_wait_wakes_at_the_arrival() {
    let sink = Sink::start().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=3 {
                raw(&sink, &transaction_envelope(n)).unwrap();
            }
        });
        let found = sink.wait_for(LONG, |r| (r.transactions().len() == 3).then(|| r.clone()));
        assert_eq!(found.unwrap().requests().len(), 3);
    });
}

#[test]
fn what_is_already_there_is_found_at_once() {
    let sink = Sink::start().unwrap();
    raw(&sink, &transaction_envelope(1)).unwrap();
    let name = sink.wait_for(Duration::ZERO, |r| {
        Some(r.transaction_of(TRACE)?.name.clone())
    });
    assert_eq!(name.unwrap(), "POST /mcp");
}

#[test]
fn a_blocking_wait_ends_with_its_deadline_and_says_what_came() {
    let sink = Sink::start().unwrap();
    raw(&sink, &transaction_envelope(1)).unwrap();
    raw(&sink, "nonsense").unwrap();
    let start = Instant::now();
    let deadline = Duration::from_millis(50);
    let error = sink
        .wait_for(deadline, |r| r.events().pop().cloned())
        .unwrap_err();
    assert!(start.elapsed() >= deadline);
    let expected = "what was waited for did not come within 50ms; so far: \
                    2 requests (1 answered 2xx), 1 transactions, 2 Sentry spans, \
                    1 malformed, the first: request 2 to /api/1/envelope/: \
                    envelope header is not JSON: syntax error at line 1 column 2";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.received.transactions().len(), 1);
    // What a failed `unwrap` shows.
    let shown = format!("{error:?}");
    let first = "#1 POST /api/1/envelope/ Status(200): transaction + 1 spans";
    assert!(shown.contains(first), "{shown}");
}

#[tokio::test]
async fn an_async_wait_wakes_at_the_arrival() {
    let sink = Sink::start().unwrap();
    let wait = sink.wait_for_async(LONG, |r| {
        (r.transactions().len() == 2).then(|| r.requests().len())
    });
    let post = async {
        post_envelope(&sink, transaction_envelope(1)).await;
        post_envelope(&sink, transaction_envelope(2)).await
    };
    let (found, status) = tokio::join!(wait, post);
    assert_eq!((found.unwrap(), status), (2, 200));
}

#[tokio::test]
async fn an_async_wait_wakes_at_a_late_answer() {
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang());
    let wait = sink.wait_for_async(LONG, |r| r.transaction_of(TRACE).map(|_| ()));
    let release = async {
        sink.wait_for_async(LONG, |r| r.requests().first().map(|_| ()))
            .await
            .unwrap();
        sink.clear_faults();
    };
    let (found, (), _) = tokio::join!(wait, release, post_envelope(&sink, transaction_envelope(1)));
    found.unwrap();
}

#[test]
fn an_async_wait_needs_no_tokio_and_ends_with_its_deadline() {
    let sink = Sink::start().unwrap();
    let wait = sink.wait_for_async(Duration::from_millis(20), |_| None::<()>);
    let error: WaitTimeout = block_on(wait).unwrap_err();
    assert_eq!(error.waited, Duration::from_millis(20));
}

/// The plainest executor: polls and parks the thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn waits_can_move_between_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let sink = Sink::start().unwrap();
    let wait = is_send(sink.wait_for_async(Duration::ZERO, |r| Some(r.requests().len())));
    assert_eq!(block_on(wait).unwrap(), 0);
}

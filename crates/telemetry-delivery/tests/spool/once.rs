//! What must not arrive twice.

use super::*;
use telemetry_testkit::Fault;

/// How often an item and one that must not arrive twice are sent, after this fault of the first
/// request of each.
fn attempts(fault: Fault) -> (usize, usize) {
    let scratch = Scratch::new();
    let mut counts = [0; 2];
    for (count, once) in counts.iter_mut().zip([false, true]) {
        let sink = Sink::start().unwrap();
        sink.fault(fault.clone().times(1));
        let delivery = start(&sink.url(), &scratch.settings());
        let item = Item {
            once,
            ..item(Priority::Normal, 1)
        };
        delivery.accept(item).unwrap();
        assert!(delivery.flush(PATIENCE));
        *count = seen(&sink)[&1];
        let figures = delivery.stats().snapshot();
        let told = delivery.protocol().told.lock().unwrap();
        // Sent, or lost and counted.
        assert_eq!(figures.sent + told.lost.len() as u64, 1, "{figures:?}");
        assert_eq!(figures.dropped.total(), told.lost.len() as u64);
        drop(told);
        assert!(delivery.shutdown(PATIENCE));
        assert_eq!(files(&scratch.path), 0, "nothing is kept");
    }
    (counts[0], counts[1])
}

#[test]
fn after_no_answer_it_is_not_sent_again() {
    for (what, fault) in [
        ("hang", Fault::hang()),
        ("reset", Fault::reset()),
        ("502", Fault::status(502)),
        ("504", Fault::status(504)),
    ] {
        assert_eq!(attempts(fault), (2, 1), "{what}");
    }
}

#[test]
fn after_an_answer_it_is() {
    for status in [429, 500, 503] {
        assert_eq!(attempts(Fault::status(status)), (2, 2), "{status}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_has_not_got_it() {
    let scratch = Scratch::new();
    let address = format!("http://127.0.0.1:{}", free_port());
    let delivery = start(&address, &scratch.settings());
    delivery.accept(once(1)).unwrap();
    wait_for(&delivery, |it| it.spooled == 1);
    assert!(!delivery.shutdown(Duration::ZERO));
    assert_eq!(delivery.stats().snapshot().dropped.total(), 0);

    let sink = Sink::start().unwrap();
    let delivery = start(&sink.url(), &scratch.settings());
    wait_for(&delivery, |it| it.sent == 1);
    assert_eq!(seen(&sink)[&1], 1);
}

/// Cut off by the end of the process: nobody knows whether it has arrived.
#[test]
fn what_was_on_its_way_at_the_end_is_not_sent_by_the_next_process() {
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang());
    let settings = scratch.settings().with_max_in_flight(1);
    let delivery = start(&sink.url(), &settings);
    delivery.accept(once(1)).unwrap();
    wait_for(&delivery, |it| it.in_flight == 1);
    while sink.received().requests().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    delivery.accept(once(2)).unwrap();
    assert!(!delivery.shutdown(Duration::ZERO));
    assert_eq!(delivery.stats().snapshot().spooled, 2);
    sink.clear_faults();

    let next = Sink::start().unwrap();
    let delivery = start(&next.url(), &scratch.settings());
    let figures = wait_for(&delivery, |it| it.recovered == 2 && is_through(it));
    assert_eq!(seen(&next).into_keys().collect::<Vec<_>>(), [2]);
    assert_eq!((figures.sent, figures.dropped.network_error), (1, 1));
    let told = delivery.protocol().told.lock().unwrap();
    assert_eq!(told.lost, [(1, DropReason::NetworkError)]);
}

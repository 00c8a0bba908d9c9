//! Servers that fail for longer than the retries take, and queues that are full.

use super::*;
use telemetry_testkit::Fault;

#[test]
fn what_the_retries_do_not_bring_home_waits_on_disk() {
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::status(503));
    let delivery = start(&sink.url(), &scratch.settings());
    for number in 0..20 {
        delivery.accept(item(Priority::Low, number)).unwrap();
    }
    let figures = wait_for(&delivery, |it| it.spooled == 20);
    assert_eq!((figures.stored, figures.dropped.total()), (20, 0));
    assert!(
        delivery.flush(Duration::ZERO),
        "nothing is left to wait for"
    );
    let kept = delivery.protocol().told.lock().unwrap().kept.len();
    assert!(kept >= 20, "{kept}");

    sink.clear_faults();
    let figures = wait_for(&delivery, |it| it.sent == 20);
    assert_eq!(figures.dropped.total(), 0);
    let figures = wait_for(&delivery, is_through);
    assert_eq!(figures.sent, 20, "each once");
    let told = delivery.protocol().told.lock().unwrap();
    assert_eq!(told.lost, []);
    assert_eq!(told.kept.len(), told.restored.len());
    drop(told);
    assert!(delivery.shutdown(PATIENCE));
    assert_eq!(files(&scratch.path), 0);
    assert_eq!(scratch.reports(), Vec::<String>::new());
}

#[test]
fn what_memory_has_no_room_for_waits_on_disk() {
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang());
    let settings = scratch
        .settings()
        .with_max_in_flight(1)
        .with_queue_capacity(10);
    let delivery = start(&sink.url(), &settings);
    // One by one, so that each is written down before it must make room.
    for number in 0..60 {
        let priority = PRIORITIES[3 * usize::from(number < 50)];
        delivery.accept(item(priority, number)).unwrap();
        wait_for(&delivery, |it| it.stored == number as u64 + 1);
    }
    let figures = delivery.stats().snapshot();
    assert!(figures.queued <= 10 && figures.spooled >= 40, "{figures:?}");
    sink.clear_faults();
    let figures = wait_for(&delivery, |it| it.sent == 60 && is_through(it));
    assert_eq!(figures.dropped.total(), 0);
    assert_eq!(delivery.protocol().told.lock().unwrap().lost, []);
    assert!(delivery.shutdown(PATIENCE));
}

/// A refusal is an answer: the spool does not keep what nobody wants.
#[test]
fn what_is_refused_is_not_kept() {
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::status(400));
    let delivery = start(&sink.url(), &scratch.settings());
    for number in 0..5 {
        delivery.accept(item(Priority::Low, number)).unwrap();
    }
    assert!(delivery.flush(PATIENCE));
    let figures = delivery.stats().snapshot();
    assert_eq!((figures.stored, figures.dropped.send_error), (5, 5));
    assert!(delivery.shutdown(PATIENCE));
    assert_eq!(files(&scratch.path), 0);
}

#[test]
fn a_spool_at_its_limit_keeps_errors() {
    let scratch = Scratch::new();
    let address = format!("http://127.0.0.1:{}", free_port());
    let spool = scratch.options().with_max_bytes(SpoolOptions::MIN_BYTES);
    let settings = impatient().with_spool(spool).with_queue_capacity(4);
    let delivery = start(&address, &settings);
    // More transactions than there is room for, in memory and on disk.
    let accept = |priority, number| delivery.accept(item(priority, number));
    for number in 0..100 {
        let _ = accept(Priority::Low, number);
        wait_for(&delivery, |it| it.in_flight == 0 && it.queued == 0);
    }
    let before = delivery.stats().snapshot();
    assert!((40..64).contains(&before.spooled), "{before:?}");
    assert!(
        before.dropped.network_error > 0,
        "the last ones: {before:?}"
    );
    for number in 1000..1020 {
        accept(Priority::Urgent, number).unwrap();
        wait_for(&delivery, |it| it.in_flight == 0 && it.queued == 0);
    }
    let figures = delivery.stats().snapshot();
    assert!(figures.dropped.spool_overflow > 0, "{figures:?}");
    assert!(figures.spool_bytes <= SpoolOptions::MIN_BYTES);
    let told = delivery.protocol().told.lock().unwrap();
    assert!(
        told.lost.iter().all(|(number, _)| *number < 100),
        "no error"
    );
    // Each is in one place.
    assert_eq!(figures.spooled + told.lost.len() as u64, 120, "{figures:?}");
    drop(told);
    delivery.shutdown(Duration::ZERO);

    let sink = Sink::start().unwrap();
    let delivery = start(&sink.url(), &scratch.settings());
    let sent = wait_for(&delivery, |it| it.recovered > 0 && is_through(it));
    assert_eq!(sent.recovered, figures.spooled);
    let seen = seen(&sink);
    assert!((1000..1020).all(|number| seen.contains_key(&number)));
    assert_eq!(seen.len() as u64, figures.spooled);
}

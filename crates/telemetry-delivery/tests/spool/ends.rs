//! Ends and starts.

use super::*;
use telemetry_testkit::Fault;

#[test]
fn what_is_not_sent_at_the_end_is_sent_by_the_next_process() {
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang());
    let delivery = start(&sink.url(), &scratch.settings().with_max_in_flight(2));
    for number in 0..40 {
        let priority = PRIORITIES[number % PRIORITIES.len()];
        delivery.accept(item(priority, number)).unwrap();
    }
    // No time at all: not even to write all of them down before.
    assert!(!delivery.shutdown(Duration::ZERO));
    let figures = delivery.stats().snapshot();
    assert_eq!((figures.spooled, figures.dropped.total()), (40, 0));
    drop(delivery);
    sink.clear_faults();
    sink.clear();

    // One at a time, to see the order; in a lane of the queue that is that of the spool.
    let settings = scratch.settings().with_max_in_flight(1);
    let delivery = start(&sink.url(), &settings);
    let figures = wait_for(&delivery, |it| it.sent == 40);
    assert_eq!((figures.recovered, figures.stored), (40, 0));
    assert!(delivery.shutdown(PATIENCE));
    assert_eq!(files(&scratch.path), 0);
    let received = sink.received();
    let numbers = received.requests();
    let numbers = numbers
        .iter()
        .map(|request| request.query.as_deref().unwrap().parse::<usize>().unwrap());
    let urgent: Vec<usize> = numbers.take(8).collect();
    // Four of them in requests of their own beside the first.
    assert!(urgent.iter().all(|number| number % 5 < 2), "{urgent:?}");
    assert_eq!(seen(&sink).len(), 40);
}

#[test]
fn a_second_one_says_so_and_goes_on_without() {
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    let first = start(&sink.url(), &scratch.settings());
    first.accept(item(Priority::Low, 1)).unwrap();
    assert!(first.flush(PATIENCE));
    let second = start(&sink.url(), &scratch.settings());
    second.accept(item(Priority::Low, 2)).unwrap();
    assert!(second.flush(PATIENCE));
    let figures = second.stats().snapshot();
    assert_eq!((figures.sent, figures.stored), (1, 0));
    let reports = scratch.reports();
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(
        reports[0].contains("another process uses it"),
        "{reports:?}"
    );
    assert!(second.shutdown(PATIENCE));
    // The first one's is whole.
    first.accept(item(Priority::Low, 3)).unwrap();
    assert!(first.shutdown(PATIENCE));
    assert_eq!(first.stats().snapshot().stored, 2);
    // Free again.
    let third = start(&sink.url(), &scratch.settings());
    third.accept(item(Priority::Low, 4)).unwrap();
    assert!(third.shutdown(PATIENCE));
    assert_eq!(third.stats().snapshot().stored, 1);
}

#[test]
fn a_directory_that_cannot_be_costs_the_spool_alone() {
    let scratch = Scratch::new();
    fs::write(&scratch.path, "a file").unwrap();
    let sink = Sink::start().unwrap();
    let delivery = start(&sink.url(), &scratch.settings());
    delivery.accept(item(Priority::Low, 1)).unwrap();
    assert!(delivery.shutdown(PATIENCE));
    assert_eq!(delivery.stats().snapshot().sent, 1);
    let reports = scratch.reports();
    assert!(reports[0].contains("in memory only"), "{reports:?}");
    fs::remove_file(&scratch.path).unwrap();
}

#[test]
fn files_that_cannot_be_read_are_reported_and_skipped() {
    let scratch = Scratch::new();
    let sink = Sink::start().unwrap();
    sink.fault(Fault::hang());
    let delivery = start(&sink.url(), &scratch.settings());
    for number in 0..3 {
        delivery.accept(item(Priority::Low, number)).unwrap();
    }
    assert!(!delivery.shutdown(Duration::ZERO));
    sink.clear_faults();
    sink.clear();
    let segment = fs::read_dir(&scratch.path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|it| it == "spool"))
        .unwrap();
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 10]).unwrap();
    fs::write(scratch.path.join("readme.txt"), "not the spool's").unwrap();

    let delivery = start(&sink.url(), &scratch.settings());
    delivery.accept(item(Priority::Low, 7)).unwrap();
    wait_for(&delivery, |it| it.sent == 3);
    assert!(delivery.shutdown(PATIENCE));
    let seen: Vec<usize> = seen(&sink).into_keys().collect();
    assert_eq!(seen, [0, 1, 7]);
    let reports = scratch.reports();
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(
        reports.iter().any(|it| it.contains("readme.txt")),
        "{reports:?}"
    );
    assert!(
        reports.iter().any(|it| it.contains("is torn")),
        "{reports:?}"
    );
    assert!(scratch.path.join("readme.txt").exists());
}

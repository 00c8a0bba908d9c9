//! The order and the bounds of the queue.

use std::time::Duration;

use super::super::limits::Categories;
use super::*;

const BOUNDS: Bounds = Bounds {
    count: 4,
    bytes: 1000,
    in_flight: 2,
};

fn parcel(priority: Priority, size: usize) -> Box<Parcel> {
    let contents = Contents {
        priority,
        categories: Categories::DEFAULT,
        losses: Vec::new(),
        size,
        typed: true,
    };
    Parcel::new(contents, Envelope::new())
}

fn accepted(queue: &mut Queue, priority: Priority, size: usize) {
    assert!(queue.accept(parcel(priority, size)).is_empty());
}

fn sizes(lost: &[Lost]) -> Vec<usize> {
    lost.iter()
        .map(|(parcel, _)| parcel.contents.size)
        .collect()
}

fn sent(queue: &mut Queue, now: Instant) -> Box<Parcel> {
    match queue.next(now) {
        Next::Send(parcel) => parcel,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_most_urgent_and_oldest_goes_first() {
    let mut queue = Queue::new(Bounds {
        count: 10,
        bytes: 1000,
        in_flight: 10,
    });
    for (size, priority) in [
        (1, Priority::Other),
        (2, Priority::Transaction),
        (3, Priority::Transaction),
        (4, Priority::Log),
        (5, Priority::Session),
        (6, Priority::Error),
    ] {
        accepted(&mut queue, priority, size);
    }
    let now = Instant::now();
    let order: Vec<_> = (0..6)
        .map(|_| sent(&mut queue, now).contents.size)
        .collect();
    assert_eq!(order, [6, 5, 4, 2, 3, 1]);
    assert!(matches!(queue.next(now), Next::Wait(None)));
}

#[test]
fn the_urgent_go_beyond_the_limit() {
    let now = Instant::now();
    let mut queue = Queue::new(Bounds {
        count: 100,
        ..BOUNDS
    });
    for _ in 0..10 {
        accepted(&mut queue, Priority::Transaction, 1);
        accepted(&mut queue, Priority::Log, 1);
    }
    for _ in 0..2 {
        sent(&mut queue, now);
    }
    assert!(matches!(queue.next(now), Next::Wait(None)), "two are out");
    for _ in 0..10 {
        accepted(&mut queue, Priority::Session, 1);
    }
    for _ in 0..2 {
        assert_eq!(sent(&mut queue, now).contents.priority, Priority::Session);
    }
    assert!(matches!(queue.next(now), Next::Wait(None)), "four are out");
    for _ in 0..10 {
        accepted(&mut queue, Priority::Error, 1);
    }
    for _ in 0..2 {
        assert_eq!(sent(&mut queue, now).contents.priority, Priority::Error);
    }
    assert!(matches!(queue.next(now), Next::Wait(None)), "six are out");
    assert_eq!(queue.in_flight(), most_in_flight(2));
}

#[test]
fn a_full_queue_drops_the_newest_of_the_least_urgent() {
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Transaction, 1);
    accepted(&mut queue, Priority::Transaction, 2);
    accepted(&mut queue, Priority::Other, 3);
    accepted(&mut queue, Priority::Other, 4);
    assert_eq!(sizes(&queue.accept(parcel(Priority::Error, 5))), [4]);
    assert_eq!(sizes(&queue.accept(parcel(Priority::Error, 6))), [3]);
    assert_eq!(sizes(&queue.accept(parcel(Priority::Log, 7))), [2]);
    assert_eq!(sizes(&queue.accept(parcel(Priority::Transaction, 8))), [8]);
    assert_eq!(sizes(&queue.accept(parcel(Priority::Other, 9))), [9]);
    assert_eq!(sizes(&queue.accept(parcel(Priority::Error, 10))), [1]);
    assert_eq!(sizes(&queue.accept(parcel(Priority::Error, 11))), [7]);
    assert_eq!(sizes(&queue.accept(parcel(Priority::Error, 12))), [12]);
    assert_eq!(queue.queued(), 4);
}

#[test]
fn bytes_make_room_too_but_never_in_vain() {
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Error, 500);
    accepted(&mut queue, Priority::Transaction, 200);
    accepted(&mut queue, Priority::Transaction, 201);
    assert_eq!(
        sizes(&queue.accept(parcel(Priority::Error, 501))),
        [501],
        "would not fit beside the first error: the transactions stay"
    );
    assert_eq!(
        sizes(&queue.accept(parcel(Priority::Error, 400))),
        [201, 200]
    );
    assert_eq!(queue.bytes(), 900);
}

#[test]
fn a_retry_waits_for_its_time_and_goes_before_newer_ones() {
    let now = Instant::now();
    let due = now + Duration::from_secs(1);
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Log, 1);
    let first = sent(&mut queue, now);
    assert!(queue.put_back(first, due).is_empty());
    assert_eq!((queue.queued(), queue.in_flight()), (1, 0));
    assert!(matches!(queue.next(now), Next::Wait(Some(until)) if until == due));
    accepted(&mut queue, Priority::Log, 2);
    assert_eq!(sent(&mut queue, now).contents.size, 2, "the slot is free");
    accepted(&mut queue, Priority::Log, 3);
    assert_eq!(sent(&mut queue, due).contents.size, 1);
}

#[test]
fn a_flush_waits_only_for_what_came_before() {
    let now = Instant::now();
    let mut queue = Queue::new(BOUNDS);
    let nothing = queue.mark();
    assert!(queue.is_finished_through(nothing));

    accepted(&mut queue, Priority::Log, 1);
    let mark = queue.mark();
    accepted(&mut queue, Priority::Log, 2);
    let later = queue.mark();
    let first = sent(&mut queue, now);
    assert!(!queue.is_finished_through(mark));
    queue.finish(&first, false);
    assert!(queue.is_finished_through(mark));
    assert!(!queue.is_finished_through(later));
    assert!(!queue.is_finished());

    // Given up counts as done, and so does what made room.
    let second = sent(&mut queue, now);
    queue.finish(&second, false);
    assert!(queue.is_finished_through(later) && queue.is_finished());
}

#[test]
fn what_is_dropped_is_not_waited_for() {
    let mut queue = Queue::new(Bounds { count: 1, ..BOUNDS });
    accepted(&mut queue, Priority::Log, 1);
    let mark = queue.mark();
    assert_eq!(sizes(&queue.accept(parcel(Priority::Error, 2))), [1]);
    assert!(queue.is_finished_through(mark));
    assert_eq!(queue.give_up(DropReason::Shutdown).len(), 1);
    assert!(queue.is_finished());
}

#[test]
fn marks_do_not_pile_up() {
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Log, 1);
    for _ in 0..1000 {
        queue.mark();
    }
    assert_eq!(queue.unfinished.len(), 1);
    assert_eq!(queue.epoch, 1);
}

#[test]
fn a_closed_queue_takes_nothing_and_ends_when_empty() {
    let now = Instant::now();
    let until = now + Duration::from_secs(1);
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Log, 1);
    queue.set_phase(Phase::Draining(until));
    let lost = queue.accept(parcel(Priority::Error, 2));
    assert_eq!(lost[0].1, DropReason::Shutdown);
    let last = sent(&mut queue, now);
    assert!(matches!(queue.next(now), Next::Wait(Some(moment)) if moment == until));
    assert!(matches!(queue.next(until), Next::Stop), "time is up");
    queue.finish(&last, false);
    assert!(matches!(queue.next(now), Next::Stop), "all is sent");

    queue.set_phase(Phase::Stopped(DropReason::InternalError));
    let lost = queue.accept(parcel(Priority::Error, 3));
    assert_eq!(lost[0].1, DropReason::InternalError);
}

#[test]
fn a_retry_after_the_end_is_lost() {
    let now = Instant::now();
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Log, 1);
    let parcel = sent(&mut queue, now);
    queue.set_phase(Phase::Stopping);
    let lost = queue.put_back(parcel, now);
    assert_eq!(lost[0].1, DropReason::Shutdown);
    assert!(queue.is_finished());
    assert_eq!(queue.abandoned(), 1);
}

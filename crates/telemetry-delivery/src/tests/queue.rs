//! The order and the bounds of the queue.

use std::time::Duration;

use super::*;
use crate::tests::Size;

const BOUNDS: Bounds = Bounds {
    count: 4,
    bytes: 1000,
    in_flight: 2,
};

fn parcel(priority: Priority, size: usize) -> Box<Parcel<Size>> {
    Parcel::new(Size(priority, size))
}

fn accepted(queue: &mut Queue<Size>, priority: Priority, size: usize) {
    let (accepted, lost) = queue.accept(parcel(priority, size));
    assert!(accepted.is_ok() && lost.is_empty(), "{accepted:?} {lost:?}");
}

/// The sizes of what is lost where another one is to be accepted.
fn lost(queue: &mut Queue<Size>, priority: Priority, size: usize) -> Vec<usize> {
    let (accepted, lost) = queue.accept(parcel(priority, size));
    let itself = lost.iter().any(|(parcel, _)| parcel.load.bytes() == size);
    assert_eq!(accepted.is_err(), itself);
    lost.iter().map(|(parcel, _)| parcel.load.bytes()).collect()
}

fn sent(queue: &mut Queue<Size>, now: Instant) -> Box<Parcel<Size>> {
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
        (1, Priority::Lowest),
        (2, Priority::Low),
        (3, Priority::Low),
        (4, Priority::Normal),
        (5, Priority::High),
        (6, Priority::Urgent),
    ] {
        accepted(&mut queue, priority, size);
    }
    let now = Instant::now();
    let order: Vec<_> = (0..6).map(|_| sent(&mut queue, now).load.bytes()).collect();
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
        accepted(&mut queue, Priority::Low, 1);
        accepted(&mut queue, Priority::Normal, 1);
    }
    for _ in 0..2 {
        sent(&mut queue, now);
    }
    assert!(matches!(queue.next(now), Next::Wait(None)), "two are out");
    for _ in 0..10 {
        accepted(&mut queue, Priority::High, 1);
    }
    for _ in 0..2 {
        assert_eq!(sent(&mut queue, now).load.priority(), Priority::High);
    }
    assert!(matches!(queue.next(now), Next::Wait(None)), "four are out");
    for _ in 0..10 {
        accepted(&mut queue, Priority::Urgent, 1);
    }
    for _ in 0..2 {
        assert_eq!(sent(&mut queue, now).load.priority(), Priority::Urgent);
    }
    assert!(matches!(queue.next(now), Next::Wait(None)), "six are out");
    assert_eq!(queue.in_flight, most_in_flight(2));
}

#[test]
fn a_full_queue_drops_the_newest_of_the_least_urgent() {
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Low, 1);
    accepted(&mut queue, Priority::Low, 2);
    accepted(&mut queue, Priority::Lowest, 3);
    accepted(&mut queue, Priority::Lowest, 4);
    assert_eq!(lost(&mut queue, Priority::Urgent, 5), [4]);
    assert_eq!(lost(&mut queue, Priority::Urgent, 6), [3]);
    assert_eq!(lost(&mut queue, Priority::Normal, 7), [2]);
    assert_eq!(lost(&mut queue, Priority::Low, 8), [8]);
    assert_eq!(lost(&mut queue, Priority::Lowest, 9), [9]);
    assert_eq!(lost(&mut queue, Priority::Urgent, 10), [1]);
    assert_eq!(lost(&mut queue, Priority::Urgent, 11), [7]);
    assert_eq!(lost(&mut queue, Priority::Urgent, 12), [12]);
    assert_eq!(queue.queued(), 4);
}

#[test]
fn bytes_make_room_too_but_never_in_vain() {
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Urgent, 500);
    accepted(&mut queue, Priority::Low, 200);
    accepted(&mut queue, Priority::Low, 201);
    assert_eq!(
        lost(&mut queue, Priority::Urgent, 501),
        [501],
        "would not fit beside the first error: the transactions stay"
    );
    assert_eq!(lost(&mut queue, Priority::Urgent, 400), [201, 200]);
    assert_eq!(queue.bytes(), 900);
}

#[test]
fn a_retry_waits_for_its_time_and_goes_before_newer_ones() {
    let now = Instant::now();
    let due = now + Duration::from_secs(1);
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Normal, 1);
    let first = sent(&mut queue, now);
    assert!(queue.put_back(first, due).is_empty());
    assert_eq!((queue.queued(), queue.in_flight), (1, 0));
    assert!(matches!(queue.next(now), Next::Wait(Some(until)) if until == due));
    accepted(&mut queue, Priority::Normal, 2);
    assert_eq!(sent(&mut queue, now).load.bytes(), 2, "the slot is free");
    accepted(&mut queue, Priority::Normal, 3);
    assert_eq!(sent(&mut queue, due).load.bytes(), 1);
}

#[test]
fn a_flush_waits_only_for_what_came_before() {
    let now = Instant::now();
    let mut queue = Queue::new(BOUNDS);
    let nothing = queue.mark();
    assert!(queue.is_finished_through(nothing));

    accepted(&mut queue, Priority::Normal, 1);
    let mark = queue.mark();
    accepted(&mut queue, Priority::Normal, 2);
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
    accepted(&mut queue, Priority::Normal, 1);
    let mark = queue.mark();
    assert_eq!(lost(&mut queue, Priority::Urgent, 2), [1]);
    assert!(queue.is_finished_through(mark));
    assert_eq!(queue.give_up(DropReason::Shutdown).len(), 1);
    assert!(queue.is_finished());
}

#[test]
fn marks_do_not_pile_up() {
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Normal, 1);
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
    accepted(&mut queue, Priority::Normal, 1);
    queue.set_phase(Phase::Draining(until));
    let (accepted, lost) = queue.accept(parcel(Priority::Urgent, 2));
    assert_eq!(accepted, Err(DropReason::Shutdown));
    assert_eq!(lost[0].1, DropReason::Shutdown);
    let last = sent(&mut queue, now);
    assert!(matches!(queue.next(now), Next::Wait(Some(moment)) if moment == until));
    assert!(matches!(queue.next(until), Next::Stop), "time is up");
    queue.finish(&last, false);
    assert!(matches!(queue.next(now), Next::Stop), "all is sent");

    queue.set_phase(Phase::Stopped(DropReason::InternalError));
    let (accepted, lost) = queue.accept(parcel(Priority::Urgent, 3));
    assert_eq!(accepted, Err(DropReason::InternalError));
    assert_eq!(lost[0].1, DropReason::InternalError);
}

#[test]
fn a_retry_after_the_end_is_lost() {
    let now = Instant::now();
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Normal, 1);
    let parcel = sent(&mut queue, now);
    queue.set_phase(Phase::Stopping);
    let lost = queue.put_back(parcel, now);
    assert_eq!(lost[0].1, DropReason::Shutdown);
    assert!(queue.is_finished());
    assert_eq!(queue.abandoned(), 1);
}

#[test]
fn a_pause_holds_back_what_has_its_priority() {
    let now = Instant::now();
    let until = now + Duration::from_secs(5);
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Urgent, 1);
    queue.hold(Priority::Urgent, until);
    queue.hold(Priority::Urgent, now + Duration::from_secs(1));
    assert!(matches!(queue.next(now), Next::Wait(Some(moment)) if moment == until));
    accepted(&mut queue, Priority::Low, 2);
    assert_eq!(sent(&mut queue, now).load.bytes(), 2);
    assert_eq!(sent(&mut queue, until).load.bytes(), 1);
    // Nothing is left that waits for the end of a pause.
    queue.hold(Priority::Normal, until + Duration::from_secs(1));
    assert!(matches!(queue.next(until), Next::Wait(None)));
}

#[test]
fn an_end_brings_retries_on_but_not_before_the_servers_time() {
    let now = Instant::now();
    let (soon, late) = (now + Duration::from_secs(1), now + Duration::from_secs(9));
    let mut queue = Queue::new(BOUNDS);
    accepted(&mut queue, Priority::Normal, 1);
    accepted(&mut queue, Priority::Normal, 2);
    let (first, mut second) = (sent(&mut queue, now), sent(&mut queue, now));
    second.not_before = Some(late);
    assert!(queue.put_back(first, late).is_empty());
    assert!(queue.put_back(second, late).is_empty());
    assert!(matches!(queue.next(now), Next::Wait(Some(moment)) if moment == late));

    queue.drain(now, soon);
    let first = sent(&mut queue, now);
    assert_eq!(first.load.bytes(), 1);
    assert!(matches!(queue.next(now), Next::Wait(Some(moment)) if moment == soon));
    queue.finish(&first, false);
    assert!(
        matches!(queue.next(now), Next::Stop),
        "the other may not go in time"
    );
}

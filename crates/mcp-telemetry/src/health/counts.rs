//! Sessions as numbers.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use sentry::protocol::SessionAggregateItem;

use super::Ended;

/// The most buckets that are kept until they are sent. What comes beyond is counted without
/// its user.
const MOST_BUCKETS: usize = 10_000;

/// A minute, counted from the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Minute(u64);

impl Minute {
    pub(super) fn of(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs() / 60))
    }

    fn begin(self) -> SystemTime {
        let since = Duration::from_secs(self.0.saturating_mul(60));
        SystemTime::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// The sessions of one minute and one user, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bucket {
    exited: u32,
    errored: u32,
    abnormal: u32,
    crashed: u32,
}

impl Bucket {
    fn add(&mut self, ended: Ended, sessions: u32) {
        let count = match ended {
            Ended::Exited => &mut self.exited,
            Ended::Errored => &mut self.errored,
            Ended::Abnormal => &mut self.abnormal,
            Ended::Crashed => &mut self.crashed,
        };
        *count = count.saturating_add(sessions);
    }
}

/// Sessions that run, and sessions that ended and are not sent yet.
#[derive(Debug, Default)]
pub(super) struct Counts {
    open: BTreeMap<Minute, u32>,
    ended: HashMap<(Minute, Option<String>), Bucket>,
    closed: bool,
}

impl Counts {
    pub(super) fn start(&mut self, minute: Minute) {
        let open = self.open.entry(minute).or_default();
        *open = open.saturating_add(1);
    }

    pub(super) fn end(&mut self, minute: Minute, user: Option<String>, ended: Ended) {
        // It counted as abnormal when everything was closed.
        if self.closed {
            return;
        }
        if let Some(open) = self.open.get_mut(&minute) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.open.remove(&minute);
            }
        }
        let mut key = (minute, user);
        if self.ended.len() >= MOST_BUCKETS && !self.ended.contains_key(&key) {
            key.1 = None;
        }
        self.ended.entry(key).or_default().add(ended, 1);
    }

    /// Takes what ended.
    pub(super) fn take(&mut self) -> Vec<SessionAggregateItem> {
        let ended = std::mem::take(&mut self.ended).into_iter();
        ended
            .map(|((minute, user), bucket)| SessionAggregateItem {
                started: minute.begin(),
                distinct_id: user,
                exited: bucket.exited,
                errored: bucket.errored,
                abnormal: bucket.abnormal,
                crashed: bucket.crashed,
            })
            .collect()
    }

    /// Nothing more is counted: what still runs is cut off.
    pub(super) fn close(&mut self) {
        self.closed = true;
        for (minute, sessions) in std::mem::take(&mut self.open) {
            let bucket = self.ended.entry((minute, None)).or_default();
            bucket.add(Ended::Abnormal, sessions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Minute = Minute(30_000_000);

    fn user(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    #[test]
    fn sessions_are_counted_by_minute_and_user() {
        let mut counts = Counts::default();
        for (minute, name, ended) in [
            (NOW, None, Ended::Exited),
            (NOW, None, Ended::Exited),
            (NOW, None, Ended::Errored),
            (NOW, Some("ada"), Ended::Crashed),
            (Minute(NOW.0 + 1), Some("ada"), Ended::Abnormal),
        ] {
            counts.start(minute);
            counts.end(minute, name.map(str::to_owned), ended);
        }
        let mut taken = counts.take();
        taken.sort_by_key(|it| (it.started, it.distinct_id.clone()));
        let found: Vec<_> = taken
            .iter()
            .map(|it| {
                let name = it.distinct_id.as_deref();
                (name, [it.exited, it.errored, it.abnormal, it.crashed])
            })
            .collect();
        let expected = [
            (None, [2, 1, 0, 0]),
            (Some("ada"), [0, 0, 0, 1]),
            (Some("ada"), [0, 0, 1, 0]),
        ];
        assert_eq!(found, expected);
        let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.0 * 60);
        assert_eq!(taken.first().map(|it| it.started), Some(begin));
        assert!(counts.take().is_empty());
        assert!(counts.open.is_empty());
    }

    #[test]
    fn what_runs_at_the_end_is_abnormal_once() {
        let mut counts = Counts::default();
        counts.start(NOW);
        counts.start(NOW);
        counts.end(NOW, None, Ended::Exited);
        counts.close();
        counts.end(NOW, None, Ended::Exited);
        let taken = counts.take();
        let found: Vec<_> = taken.iter().map(|it| (it.exited, it.abnormal)).collect();
        assert_eq!(found, [(1, 1)]);
        counts.close();
        assert!(counts.take().is_empty());
    }

    #[test]
    fn many_users_do_not_grow_it_without_bound() {
        let mut counts = Counts::default();
        for number in 0..MOST_BUCKETS + 50 {
            counts.end(NOW, user(&number.to_string()), Ended::Exited);
        }
        counts.end(NOW, user("0"), Ended::Errored);
        let taken = counts.take();
        // One more, which has no user.
        assert_eq!(taken.len(), MOST_BUCKETS + 1);
        let of = |name: Option<&str>| {
            let found = taken.iter().find(|it| it.distinct_id.as_deref() == name);
            found.map(|it| (it.exited, it.errored))
        };
        assert_eq!(of(None), Some((50, 0)));
        assert_eq!(of(Some("0")), Some((1, 1)));
    }

    #[test]
    fn a_clock_before_the_epoch_is_the_first_minute() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Minute::of(before), Minute(0));
    }
}

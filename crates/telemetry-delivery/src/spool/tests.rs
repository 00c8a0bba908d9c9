use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;

use super::*;

/// A directory of a test, gone at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("spool-unit-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn open(&self) -> Spool {
        self.open_with(SpoolOptions::MIN_BYTES)
    }

    fn open_with(&self, max_bytes: u64) -> Spool {
        Spool::open(&SpoolOptions::new(&self.0).with_max_bytes(max_bytes)).unwrap()
    }

    /// The names of all files but the lock.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "lock")
            .collect();
        names.sort();
        names
    }

    fn only_file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        self.0.join(&files[0])
    }

    /// Bytes of all files together.
    fn bytes(&self) -> u64 {
        let length = |name: String| fs::metadata(self.0.join(name)).unwrap().len();
        self.files().into_iter().map(length).sum()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn store(spool: &mut Spool, priority: Priority, payload: &str) -> Ticket {
    let stored = spool.store(priority, payload.as_bytes());
    assert!(stored.lost.is_empty());
    stored.ticket.unwrap()
}

/// Everything that waits, in the order in which it is read back.
fn take_all(spool: &mut Spool) -> Vec<String> {
    std::iter::from_fn(|| spool.take())
        .map(|taken| String::from_utf8(taken.payload).unwrap())
        .collect()
}

#[test]
fn what_is_left_is_found_in_order_of_value() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    store(&mut spool, Priority::Lowest, "profile");
    store(&mut spool, Priority::Low, "transaction 1");
    let done = store(&mut spool, Priority::Low, "transaction 2");
    store(&mut spool, Priority::Low, "transaction 3");
    store(&mut spool, Priority::Urgent, "error");
    store(&mut spool, Priority::High, "");
    spool.done(&done);
    assert_eq!(spool.waiting(), 0, "all is in memory");
    drop(spool);

    let mut spool = scratch.open();
    assert_eq!(spool.notices(), Vec::<String>::new());
    assert_eq!(spool.waiting(), 5);
    let expected = ["error", "", "transaction 1", "transaction 3", "profile"];
    assert_eq!(take_all(&mut spool), expected);
    // Not done with: they are there the next time, too.
    drop(spool);
    assert_eq!(take_all(&mut scratch.open()), expected);
}

#[test]
fn nothing_is_left_of_what_is_done() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    for round in 0..40 {
        let tickets: Vec<_> = (0..20)
            .map(|_| store(&mut spool, Priority::Low, &"x".repeat(1000)))
            .collect();
        for ticket in tickets {
            spool.done(&ticket);
        }
        assert_eq!(spool.bytes(), scratch.bytes(), "round {round}");
    }
    assert!(spool.bytes() <= 32 * 1024, "{}", spool.bytes());
    drop(spool);
    assert!(scratch.files().is_empty());
}

#[test]
fn what_has_failed_waits_behind_the_others() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    let tickets = ["a", "b", "c"].map(|text| store(&mut spool, Priority::Low, text));
    for (ticket, failed) in tickets.iter().zip([true, false, false]) {
        assert!(spool.keep(ticket, failed));
    }
    assert_eq!(take_all(&mut spool), ["b", "c", "a"]);
    assert_eq!(spool.waiting(), 0);
}

#[test]
fn an_attempt_that_was_begun_is_known_after_a_crash() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    let begun = store(&mut spool, Priority::Normal, "begun");
    let refused = store(&mut spool, Priority::Normal, "refused");
    store(&mut spool, Priority::Normal, "waits");
    for ticket in [&begun, &refused] {
        spool.tried(ticket);
    }
    spool.not_arrived(&refused);
    drop(spool);
    let mut spool = scratch.open();
    let tried = std::iter::from_fn(|| spool.take())
        .map(|taken| (String::from_utf8(taken.payload).unwrap(), taken.tried))
        .collect::<Vec<_>>();
    let expected = [("begun", true), ("refused", false), ("waits", false)];
    assert_eq!(
        tried,
        expected.map(|(text, tried)| (text.to_owned(), tried))
    );
}

/// The bytes of each length of a file are a crash at that place.
#[test]
fn a_torn_file_keeps_what_is_whole() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    for text in ["one", "two"] {
        store(&mut spool, Priority::Low, text);
    }
    drop(spool);
    let path = scratch.only_file();
    let whole = fs::read(&path).unwrap();
    let length = whole.len();
    for end in 1..length {
        fs::write(&path, &whole[..end]).unwrap();
        let mut spool = scratch.open();
        let expected: &[&str] = if end < length / 2 { &[] } else { &["one"] };
        let notices = spool.notices();
        assert_eq!(take_all(&mut spool), expected, "cut at {end}");
        match end == length / 2 {
            true => assert!(notices.is_empty(), "cut between records: {notices:?}"),
            false => assert!(notices[0].contains("is torn at byte"), "{notices:?}"),
        }
        // What comes is written elsewhere.
        let ticket = store(&mut spool, Priority::Low, "three");
        assert!(spool.keep(&ticket, false));
        drop(spool);
        let mut spool = scratch.open();
        let found = take_all(&mut spool);
        assert_eq!(found, [expected, &["three"]].concat(), "cut at {end}");
        drop(spool);
        for file in scratch.files() {
            fs::remove_file(scratch.0.join(file)).unwrap();
        }
    }
}

#[test]
fn a_broken_record_is_skipped_and_the_rest_read() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    for text in ["one", "two", "three"] {
        store(&mut spool, Priority::Low, text);
    }
    drop(spool);
    let path = scratch.only_file();
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(3).position(|it| it == b"two").unwrap();
    bytes[place] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut spool = scratch.open();
    assert_eq!(take_all(&mut spool), ["one", "three"]);
    assert_eq!(spool.unreadable(), 1);
    let notices = spool.notices();
    assert!(notices[0].contains("checksum"), "{notices:?}");
}

#[test]
fn foreign_files_are_named_and_left_alone() {
    let scratch = Scratch::new();
    store(&mut scratch.open(), Priority::Low, "ours");
    let named_like_ours = "0000000007-3.spool";
    for name in ["notes.txt", named_like_ours] {
        fs::write(scratch.0.join(name), "somebody's notes").unwrap();
    }
    fs::create_dir(scratch.0.join("0000000008-3.spool")).unwrap();
    let mut spool = scratch.open();
    let notices = spool.notices();
    assert_eq!(notices.len(), 3, "{notices:?}");
    for name in ["notes.txt", named_like_ours, "0000000008-3.spool"] {
        assert!(notices.iter().any(|it| it.contains(name)), "{notices:?}");
    }
    let ticket = store(&mut spool, Priority::Low, "more");
    assert!(spool.keep(&ticket, false));
    assert_eq!(take_all(&mut spool), ["ours", "more"]);
    drop(spool);
    for name in ["notes.txt", named_like_ours] {
        let text = fs::read_to_string(scratch.0.join(name)).unwrap();
        assert_eq!(text, "somebody's notes");
    }
}

#[test]
fn at_its_limit_it_keeps_what_is_most_urgent() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    let text = |number: usize| format!("{number:04}{}", "x".repeat(1000));
    let fill = |spool: &mut Spool, priority, count| {
        let mut lost = Vec::new();
        let mut kept = 0;
        for number in 0..count {
            let stored = spool.store(priority, text(number).as_bytes());
            lost.extend(stored.lost);
            if let Some(ticket) = stored.ticket {
                assert!(spool.keep(&ticket, false));
                kept += 1;
            }
            assert!(spool.bytes() <= SpoolOptions::MIN_BYTES);
        }
        (kept, lost.len())
    };
    let (transactions, lost) = fill(&mut spool, Priority::Low, 100);
    assert!((40..64).contains(&transactions), "{transactions}");
    assert_eq!(lost, 0, "the first ones stay");
    assert!(spool.notices()[0].contains("full"));
    // Half as many errors: the newest transactions go.
    let errors = transactions / 2;
    let (kept, lost) = fill(&mut spool, Priority::Urgent, errors);
    assert_eq!(kept, errors);
    assert!(lost >= errors && lost < transactions, "{lost}");
    assert_eq!(spool.waiting(), errors + transactions - lost);
    assert_eq!(spool.bytes(), scratch.bytes());
    let found = take_all(&mut spool);
    let expected = (0..errors).chain(0..transactions - lost).map(text);
    assert_eq!(found, expected.collect::<Vec<_>>());
    // Nothing less urgent than errors is left in the end.
    let mut spool = {
        drop(spool);
        scratch.open()
    };
    let (more, _) = fill(&mut spool, Priority::Urgent, 100);
    assert!(errors + more < 64);
    assert!(take_all(&mut spool).len() >= errors + more);
}

/// A load in memory whose place on disk is gone knows that.
#[test]
fn what_must_make_room_is_not_held_any_more() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    let payload = "x".repeat(1000);
    let mut tickets = Vec::new();
    while let Some(ticket) = spool.store(Priority::Low, payload.as_bytes()).ticket {
        tickets.push(ticket);
    }
    let stored = spool.store(Priority::Urgent, payload.as_bytes());
    assert!(stored.ticket.is_some());
    assert!(stored.lost.is_empty(), "they are in memory");
    let held = tickets.iter().filter(|ticket| ticket.is_held()).count();
    assert!(held < tickets.len() && held > 0, "{held}");
    assert!(tickets[..held].iter().all(|ticket| ticket.is_held()));
    assert!(!spool.keep(&tickets[held], false));
    assert!(spool.keep(&tickets[0], false));
}

/// Files of which little is left do not use up the space.
#[test]
fn what_is_left_of_a_file_is_moved() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    let mut survivors = Vec::new();
    for number in 0..400 {
        let text = format!("{number:04}{}", "x".repeat(1000));
        let ticket = store(&mut spool, Priority::Low, &text);
        match number % 20 {
            0 => survivors.push((number, ticket)),
            _ => spool.done(&ticket),
        }
        assert!(spool.bytes() <= SpoolOptions::MIN_BYTES);
        assert_eq!(spool.bytes(), scratch.bytes());
    }
    assert_eq!(survivors.len(), 20);
    let (_, begun) = &survivors[1];
    spool.tried(begun);
    // Still to be found by those who hold them, and after a crash.
    let (_, first) = survivors.remove(0);
    spool.done(&first);
    drop(spool);
    let mut spool = scratch.open();
    for (number, _) in survivors {
        let taken = spool.take().unwrap();
        assert!(taken.payload.starts_with(format!("{number:04}").as_bytes()));
        assert_eq!(taken.tried, number == 20);
    }
    assert!(spool.take().is_none());
}

#[test]
fn a_load_that_is_too_large_is_not_taken() {
    let scratch = Scratch::new();
    let mut spool = scratch.open();
    store(&mut spool, Priority::Low, "small");
    let large = vec![0; 64 * 1024];
    assert!(spool.store(Priority::Urgent, &large).ticket.is_none());
    assert_eq!(spool.bytes(), scratch.bytes());
    // Larger than a segment is none too large.
    assert!(
        spool
            .store(Priority::Low, &large[..20_000])
            .ticket
            .is_some()
    );
}

#[test]
fn only_one_has_it() {
    let scratch = Scratch::new();
    let spool = scratch.open();
    let options = SpoolOptions::new(&scratch.0);
    assert!(matches!(Spool::open(&options), Err(SpoolError::InUse)));
    drop(spool);
    assert!(Spool::open(&options).is_ok());
}

#[test]
fn a_directory_that_cannot_be_is_an_error() {
    let scratch = Scratch::new();
    fs::write(&scratch.0, "a file").unwrap();
    let error = Spool::open(&SpoolOptions::new(&scratch.0)).unwrap_err();
    assert!(
        error.to_string().contains("the directory cannot be made"),
        "{error}"
    );
    fs::remove_file(&scratch.0).unwrap();
}

#[cfg(unix)]
#[test]
fn nobody_else_may_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let scratch = Scratch::new();
    // Others could look into it before.
    fs::create_dir(&scratch.0).unwrap();
    fs::set_permissions(&scratch.0, fs::Permissions::from_mode(0o755)).unwrap();
    let mut spool = scratch.open();
    store(&mut spool, Priority::Low, "ours");
    assert_eq!(mode(&scratch.0), 0o700);
    assert_eq!(mode(&scratch.only_file()), 0o600);
    assert_eq!(mode(&scratch.0.join("lock")), 0o600);

    // A link could lead anywhere.
    let link = scratch.0.join("link");
    std::os::unix::fs::symlink(&scratch.0, &link).unwrap();
    let error = Spool::open(&SpoolOptions::new(&link)).unwrap_err();
    assert!(error.to_string().contains("it is a link"), "{error}");
}

//! Plants everything and looks at what has left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcp_telemetry_tests::needles::Needles;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use telemetry_testkit::Received;

use crate::place::Plant;
use crate::plants::{Planted, kinds, plants};
use crate::world::{Left, World};
use crate::{environment, headers, places};

/// The least number of kinds of secret that a place gets.
const LEAST_KINDS: usize = 60;

/// As many places as there are: one that is taken out is missed.
const LEAST_PLACES: usize = 222;

/// The files of the spool hold the last of what was written, and no less than the words of
/// this many plants.
const LEAST_IN_SPOOL: usize = 500;

/// What is encoded in the values of baggage.
const IN_BAGGAGE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b',')
    .add(b';')
    .add(b'=')
    .add(b'@')
    .add(b'\\');

/// Switches and hubs are the process's.
static ALONE: Mutex<()> = Mutex::new(());

/// The most places that are planted before what waits is sent.
const AT_ONCE: usize = 4;

/// What was found in what has left.
#[derive(Default)]
struct Seen {
    /// By place and kind.
    leaks: BTreeMap<(usize, &'static str), String>,
    /// The plants whose words have arrived at Sentry, and by OTLP.
    words: [BTreeSet<usize>; 2],
    /// Those of which the whole text has.
    whole: [BTreeSet<usize>; 2],
    /// The plants whose words are in the files of the spool.
    in_spool: BTreeSet<usize>,
}

/// What a needle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Secret,
    Word,
    Whole,
}

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn judge(send_pii: bool) {
    let _alone = alone();
    let planted = all_plants(send_pii);
    let Left { received, spooled } = plant(send_pii, &planted);
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    assert_eq!(received.forgotten(), 0);
    let seen = look(&received, &spooled, &planted);
    let in_spool = seen.in_spool.len();
    assert!(in_spool >= LEAST_IN_SPOOL, "{in_spool} words in the spool");
    let mut wrong: Vec<_> = seen.leaks.values().cloned().collect();
    wrong.extend(lost(&seen, &planted, send_pii));
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        listed(&wrong)
    );
}

/// What is planted, with the number of its place.
fn all_plants(send_pii: bool) -> Vec<(usize, Planted)> {
    let places = places();
    let of_place = |(index, place)| {
        let plants = plants(index, place, send_pii).into_iter();
        plants.map(move |it| (index, it))
    };
    places.iter().enumerate().flat_map(of_place).collect()
}

/// Each place gets many kinds, each kind has a place, and each place its share of harmless lines.
pub(crate) fn check_counts() {
    let planted = [all_plants(true), all_plants(false)].concat();
    let (places, kinds) = (places(), kinds());
    assert!(places.len() >= LEAST_PLACES, "{} places", places.len());
    assert!(kinds >= 180, "{kinds} kinds");
    let names: BTreeSet<_> = places.iter().map(|place| place.name).collect();
    assert_eq!(names.len(), places.len(), "two places of one name");
    let mut seen = BTreeSet::new();
    for (index, place) in places.iter().enumerate() {
        let own = planted.iter().filter(|(of, _)| *of == index);
        let own: BTreeSet<_> = own.filter_map(|(_, it)| it.kind).collect();
        assert!(
            own.len() >= LEAST_KINDS,
            "{}: {} kinds",
            place.name,
            own.len()
        );
        seen.extend(own);
    }
    assert_eq!(seen.len(), kinds, "kinds that are planted nowhere");
    let words: BTreeSet<_> = planted.iter().map(|(_, it)| &it.word).collect();
    let gated = planted.iter().filter(|(of, _)| places[*of].gated).count();
    assert_eq!(
        words.len(),
        planted.len() - gated / 2,
        "two plants of one word"
    );
}

/// Plants everything; gives what has left.
fn plant(send_pii: bool, planted: &[(usize, Planted)]) -> Left {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let mut world = World::start(send_pii).await;
        let places = places();
        let mut before = None;
        for (index, plant) in planted {
            if before.replace(index) != Some(index) && index % AT_ONCE == 0 {
                world.telemetry.flush();
            }
            world.say(&plant.text);
            match places[*index].plant {
                Plant::Now(write) => world.in_own_scope(|| write(plant)),
                Plant::Sent(write) => write(&mut world, plant).await,
                Plant::Header(name) => headers::with_header(&world, name, &plant.text).await,
                Plant::Variable(name) => environment::with_variable(&mut world, name, plant),
            }
        }
        world.finish().await
    })
}

/// Looks for everything in what has left: bodies as the sink has unpacked them, heads, and what
/// was written to disk.
fn look(received: &Received, spooled: &[Vec<u8>], planted: &[(usize, Planted)]) -> Seen {
    let (needles, meanings) = needles(planted);
    let places = places();
    let mut seen = Seen::default();
    for request in received.requests() {
        let head = format!("{} {:?} {:?}", request.path, request.query, request.headers);
        let sink = usize::from(!request.path.starts_with("/api/"));
        for text in [&*request.body, head.as_bytes()] {
            for found in needles.find(text) {
                let (what, number) = meanings[found.number];
                let (index, plant) = &planted[number];
                let kind = plant.kind.unwrap_or_default();
                match what {
                    What::Word => drop(seen.words[sink].insert(number)),
                    What::Whole => drop(seen.whole[sink].insert(number)),
                    What::Secret => {
                        let around = &text[found.at.saturating_sub(90)..];
                        let around = &around[..around.len().min(120)];
                        let around = String::from_utf8_lossy(around);
                        let (place, way) = (places[*index].name, found.way);
                        let carried = request.summary();
                        let line = format!("LEAK {place}, {kind} ({way}): {carried}: {around:?}");
                        seen.leaks.entry((*index, kind)).or_insert(line);
                    }
                }
            }
        }
    }
    for text in spooled {
        for found in needles.find(text) {
            let (what, number) = meanings[found.number];
            let (index, plant) = &planted[number];
            let kind = plant.kind.unwrap_or_default();
            match what {
                What::Word => drop(seen.in_spool.insert(number)),
                What::Whole => {}
                What::Secret => {
                    let (place, way) = (places[*index].name, found.way);
                    let line = format!("LEAK {place}, {kind} ({way}): in the spool");
                    seen.leaks.entry((*index, kind)).or_insert(line);
                }
            }
        }
    }
    seen
}

/// All that is looked for, and what each needle is.
fn needles(planted: &[(usize, Planted)]) -> (Needles, Vec<(What, usize)>) {
    let (mut needles, mut meanings) = (Needles::new(), Vec::new());
    for (number, (_, plant)) in planted.iter().enumerate() {
        let mut mean = |what| {
            meanings.push((what, number));
            meanings.len() - 1
        };
        for piece in &plant.pieces {
            let own = mean(What::Secret);
            match piece.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                true => needles.add_in_all_ways(own, piece),
                false => needles.add(own, "plain", piece.as_str()),
            }
        }
        needles.add(mean(What::Word), "plain", plant.word.as_str());
        // A harmless line must be whole.
        if plant.kind.is_none() {
            let own = mean(What::Whole);
            for text in ways(&plant.text) {
                needles.add(own, "plain", text);
            }
        }
    }
    (needles, meanings)
}

/// What has not arrived as it should, or has where it should not.
fn lost(seen: &Seen, planted: &[(usize, Planted)], send_pii: bool) -> Vec<String> {
    let places = places();
    let mut wrong = Vec::new();
    for (number, (index, plant)) in planted.iter().enumerate() {
        let place = &places[*index];
        let (wanted, name) = (place.arrives(send_pii), place.name);
        let kind = plant.kind.unwrap_or("harmless");
        let sinks = [("Sentry", wanted.at_sentry()), ("OTLP", wanted.by_otlp())];
        for (sink, (called, wanted)) in sinks.into_iter().enumerate() {
            let has_word = seen.words[sink].contains(&number);
            let is_whole =
                place.mended || plant.kind.is_some() || seen.whole[sink].contains(&number);
            let line = match (wanted, has_word) {
                (true, false) => format!("LOST {name}, {kind}: not at {called}"),
                (false, true) => format!("UNWANTED {name}, {kind}: at {called}"),
                (true, true) if !is_whole => {
                    format!("HARMED {name}: {:?} at {called}", plant.text)
                }
                _ => continue,
            };
            wrong.push(line);
        }
    }
    wrong
}

/// Ways in which a text may be written: as it is, in JSON, in JSON in JSON, in a URL, in baggage,
/// by `Debug`.
fn ways(text: &str) -> Vec<String> {
    let escape = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let percent = crate::world::percent(text);
    let baggage = utf8_percent_encode(text, IN_BAGGAGE).to_string();
    let (once, debug) = (escape(text), format!("{text:?}"));
    let debug = debug[1..debug.len() - 1].to_owned();
    let twice = escape(&once);
    let thrice = escape(&twice);
    let escaped_debug = escape(&debug);
    vec![
        text.to_owned(),
        percent,
        baggage,
        once,
        twice,
        thrice,
        debug,
        escaped_debug,
    ]
}

/// A few lines of each place.
fn listed(wrong: &[String]) -> String {
    let mut by_place: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in wrong {
        let place = line
            .split_once([',', ':'])
            .map_or(line.as_str(), |(it, _)| it);
        by_place.entry(place).or_default().push(line);
    }
    let lines = by_place.values().flat_map(|lines| {
        let more = lines.len().saturating_sub(3);
        let more = (more > 0).then(|| format!("    and {more} more\n"));
        let lines = lines.iter().take(3).map(|line| format!("{line}\n"));
        lines.chain(more)
    });
    lines.collect()
}

//! Plants everything and looks at what has left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use mcp_telemetry_tests::needles::Needles;
use telemetry_testkit::Received;

use crate::place::{Arrives, Plant};
use crate::plants::{Planted, kinds, plants};
use crate::world::World;
use crate::{environment, headers, places};

/// The least number of kinds of secret that a place gets.
const LEAST_KINDS: usize = 60;

/// Switches and hubs are the process's.
static ALONE: Mutex<()> = Mutex::new(());

/// Where the words have arrived, by their numbers.
#[derive(Default)]
struct Arrived {
    at_sentry: BTreeSet<usize>,
    by_otlp: BTreeSet<usize>,
}

pub(crate) fn judge(send_pii: bool) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let planted: Vec<(usize, Planted)> = (places().iter().enumerate())
        .flat_map(|(index, place)| {
            let plants = plants(index, place.form);
            plants.into_iter().map(move |it| (index, it))
        })
        .collect();
    check_counts(&planted);
    let t = std::time::Instant::now();
    let received = plant(send_pii, &planted);
    eprintln!("TIME planted {:?}", t.elapsed());
    assert!(received.problems().is_empty(), "{:?}", received.problems());
    assert_eq!(received.forgotten(), 0);
    let mut wrong = leaks(&received, &planted);
    eprintln!("TIME leaks {:?} bytes {}", t.elapsed(), received.requests().iter().map(|it| it.body.len()).sum::<usize>());
    wrong.extend(lost(&received, &planted, send_pii));
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        listed(&wrong)
    );
}

fn check_counts(planted: &[(usize, Planted)]) {
    let (places, kinds) = (places(), kinds());
    assert!(places.len() >= 100, "{} places", places.len());
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
    assert_eq!(words.len(), planted.len(), "two plants of one word");
}

/// Plants everything; gives what has left.
fn plant(send_pii: bool, planted: &[(usize, Planted)]) -> Received {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let mut world = World::start(send_pii).await;
        let places = places();
        let mut before = None;
        let t = std::time::Instant::now();
        for (index, plant) in planted {
            if before.replace(index) != Some(index) {
                eprintln!("TIME {:?} {}", t.elapsed(), places[*index].name);
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

/// The texts of a request: what the sink has unpacked, and its head.
fn texts(received: &Received) -> Vec<(bool, String, Vec<u8>)> {
    let requests = received.requests();
    let texts = requests.iter().flat_map(|request| {
        let head = format!("{} {:?} {:?}", request.path, request.query, request.headers);
        let at_sentry = request.path.starts_with("/api/");
        [request.body.to_vec(), head.into_bytes()].map(|text| (at_sentry, request.summary(), text))
    });
    texts.collect()
}

/// The secrets that have left.
fn leaks(received: &Received, planted: &[(usize, Planted)]) -> Vec<String> {
    let mut needles = Needles::new();
    for (number, (_, plant)) in planted.iter().enumerate() {
        for piece in &plant.pieces {
            match piece.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                true => needles.add_in_all_ways(number, piece),
                false => needles.add(number, "plain", piece.as_str()),
            }
        }
    }
    let places = places();
    let mut leaks = BTreeMap::new();
    for (_, what, text) in texts(received) {
        for found in needles.find(&text) {
            let (index, plant) = &planted[found.number];
            let from = found.at.saturating_sub(90);
            let around = &text[from..text.len().min(found.at + 30)];
            let around = String::from_utf8_lossy(around).into_owned();
            let (place, kind) = (places[*index].name, plant.kind.unwrap_or_default());
            let line = format!("LEAK {place}, {kind} ({}): {what}: {around:?}", found.way);
            leaks.entry((index, kind)).or_insert(line);
        }
    }
    leaks.into_values().collect()
}

/// What has not arrived as it should, or has where it should not.
fn lost(received: &Received, planted: &[(usize, Planted)], send_pii: bool) -> Vec<String> {
    let places = places();
    let words = arrived(received, planted, |plant| vec![plant.word.clone()]);
    // A harmless line must be whole: as it is, in JSON, in JSON in JSON, in a URL.
    let whole = arrived(received, planted, |plant| match plant.kind {
        Some(_) => Vec::new(),
        None => ways(&plant.text),
    });
    let mut wrong = Vec::new();
    for (number, (index, plant)) in planted.iter().enumerate() {
        let place = &places[*index];
        let wanted = place.arrives(send_pii);
        for (sink, wanted, words, whole) in [
            (
                "Sentry",
                wanted.at_sentry(),
                &words.at_sentry,
                &whole.at_sentry,
            ),
            ("OTLP", wanted.by_otlp(), &words.by_otlp, &whole.by_otlp),
        ] {
            let kind = plant.kind.unwrap_or("harmless");
            let name = place.name;
            match (wanted, words.contains(&number)) {
                (true, false) => wrong.push(format!("LOST {name}, {kind}: not at {sink}")),
                (false, true) if place.arrives(send_pii) == Arrives::Nowhere => {
                    wrong.push(format!("UNWANTED {name}, {kind}: at {sink}"));
                }
                (false, true) => wrong.push(format!("ALSO {name}, {kind}: at {sink}")),
                (true, true) if plant.kind.is_none() && !whole.contains(&number) => {
                    wrong.push(format!("HARMED {name}: {:?} at {sink}", plant.text));
                }
                _ => {}
            }
        }
    }
    wrong
}

fn arrived(
    received: &Received,
    planted: &[(usize, Planted)],
    texts_of: impl Fn(&Planted) -> Vec<String>,
) -> Arrived {
    let mut needles = Needles::new();
    for (number, (_, plant)) in planted.iter().enumerate() {
        for text in texts_of(plant) {
            needles.add(number, "word", text);
        }
    }
    let mut arrived = Arrived::default();
    for (at_sentry, _, text) in texts(received) {
        let found = needles.find(&text).into_iter().map(|it| it.number);
        match at_sentry {
            true => arrived.at_sentry.extend(found),
            false => arrived.by_otlp.extend(found),
        }
    }
    arrived
}

/// Ways in which a text may be written.
fn ways(text: &str) -> Vec<String> {
    let escape = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let percent = crate::world::percent(text);
    let (once, debug) = (escape(text), format!("{text:?}"));
    let debug = debug[1..debug.len() - 1].to_owned();
    let twice = escape(&once);
    let thrice = escape(&twice);
    let escaped_debug = escape(&debug);
    vec![
        text.to_owned(),
        percent,
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

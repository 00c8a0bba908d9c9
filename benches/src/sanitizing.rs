//! What the sanitizer costs: bytes a second over texts, time of a short value, and whether it grows with the text alone.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use anyhow::ensure;
use cpu_time::ThreadTime;
use serde::Serialize;
use telemetry_sanitizer::Sanitizer;

use crate::texts::{CLEAN, HOSTILE, SECRETS, repeated};
use crate::verdict::Finding;

/// Bytes of the texts whose throughput is measured.
const LONG: usize = 64 * 1024;
/// Bytes of the two hostile texts that are compared.
const HOSTILE_LENGTHS: [usize; 2] = [64 * 1024, 1024 * 1024];
/// A span's attribute of 32 bytes, under a name of OpenTelemetry's conventions.
const KNOWN: (&str, &str) = ("server.address", "search-head-01.emea.example.net0");

/// Floors and limits of the claims: about a third of the aims, so that a busy machine does not fail.
const CLEAN_FLOOR: f64 = 150.0;
const SECRETS_FLOOR: f64 = 30.0;
const VALUE_LIMIT: f64 = 75.0;
/// Time a byte of the longer hostile text against that of the shorter. Sixteen would be quadratic.
const GROWTH_LIMIT: f64 = 4.0;

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// `clean`, `secrets`, `hostile` or `value`.
    pub kind: &'static str,
    /// Which text.
    pub name: String,
    /// Its bytes.
    pub bytes: usize,
    /// CPU time of sanitizing it once, the best of all rounds.
    pub ns: f64,
}

impl Figure {
    /// Millions of bytes a second.
    #[must_use]
    pub fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 / self.ns * 1e3
    }

    fn ns_per_byte(&self) -> f64 {
        self.ns / self.bytes as f64
    }
}

/// Measures everything, so many times; the best counts.
///
/// # Errors
///
/// If the sanitizer does not do what is measured: clean text has to be borrowed, secrets have to go.
pub fn measure(rounds: usize) -> anyhow::Result<Vec<Figure>> {
    measure_lengths(rounds, LONG, HOSTILE_LENGTHS)
}

fn measure_lengths(rounds: usize, long: usize, hostile: [usize; 2]) -> anyhow::Result<Vec<Figure>> {
    let sanitizer = Sanitizer::builder().max_value_len(usize::MAX / 8).build();
    let mut cases = Vec::new();
    for text in CLEAN {
        let bytes = text.of(long);
        ensure!(
            matches!(sanitizer.text(&bytes), Cow::Borrowed(_)),
            "{} is not clean",
            text.name
        );
        cases.push(("clean", text.name.to_owned(), bytes));
    }
    for text in SECRETS {
        let bytes = text.of(long);
        let got = sanitizer.text(&bytes);
        ensure!(
            !["hunter2", "abc123", "abcdef123456"]
                .iter()
                .any(|secret| got.contains(secret)),
            "{} is not sanitized",
            text.name
        );
        cases.push(("secrets", text.name.to_owned(), bytes));
    }
    for piece in HOSTILE {
        let of = |len| ("hostile", format!("{piece:?}"), repeated(piece, len));
        cases.extend(hostile.map(of));
    }
    let (key, value) = KNOWN;
    let mut best = vec![f64::MAX; cases.len() + 1];
    for _ in 0..rounds.max(1) {
        for ((_, _, text), best) in cases.iter().zip(&mut best) {
            *best = best.min(time(|| sanitizer.text(black_box(text)).len()));
        }
        if let Some(best) = best.last_mut() {
            let short = || sanitizer.value(black_box(key), black_box(value)).len();
            *best = best.min(time(short));
        }
    }
    let all = cases
        .into_iter()
        .map(|(kind, name, text)| (kind, name, text.len()))
        .chain([("value", format!("under {key}"), value.len())]);
    Ok(all
        .zip(best)
        .map(|((kind, name, bytes), ns)| Figure {
            kind,
            name,
            bytes,
            ns,
        })
        .collect())
}

/// CPU time of one call, the best of some slices that are long enough for the clock.
fn time(mut call: impl FnMut() -> usize) -> f64 {
    const SLICE: Duration = Duration::from_micros(300);
    const SLICES: usize = 5;
    let mut calls = 1_u32;
    let mut best = f64::MAX;
    let mut slices = 0;
    while slices < SLICES {
        let start = ThreadTime::now();
        for _ in 0..calls {
            black_box(call());
        }
        let taken = start.elapsed();
        if taken < SLICE && calls < 1 << 20 {
            calls *= 2;
            continue;
        }
        best = best.min(taken.as_secs_f64() * 1e9 / f64::from(calls));
        slices += 1;
    }
    best
}

/// The figures as lines.
#[must_use]
pub fn render(figures: &[Figure]) -> String {
    let mut text = String::from("sanitizer, best of all rounds, CPU time\n");
    for figure in figures {
        // Writing to a string cannot fail.
        let _ = match figure.kind {
            "value" => writeln!(
                text,
                "  {:<8} {:<26} {:>9.1} ns",
                figure.kind, figure.name, figure.ns
            ),
            "hostile" => writeln!(
                text,
                "  {:<8} {:<26} {:>9.2} ns/byte at {} KiB",
                figure.kind,
                figure.name,
                figure.ns_per_byte(),
                figure.bytes / 1024
            ),
            _ => writeln!(
                text,
                "  {:<8} {:<26} {:>9.0} MB/s",
                figure.kind,
                figure.name,
                figure.megabytes_per_second()
            ),
        };
    }
    text
}

/// Generous floors, and that a longer hostile text costs no more for each of its bytes.
#[must_use]
pub fn claims(figures: &[Figure]) -> Vec<Finding> {
    let of = |kind| figures.iter().filter(move |figure| figure.kind == kind);
    let slowest = |kind| {
        of(kind).min_by(|a, b| {
            a.megabytes_per_second()
                .total_cmp(&b.megabytes_per_second())
        })
    };
    let floor = |kind, floor: f64| match slowest(kind) {
        Some(figure) => Finding {
            holds: Some(figure.megabytes_per_second() >= floor),
            text: format!(
                "sanitizer, {kind}, slowest: {} {:.0} MB/s (floor {floor})",
                figure.name,
                figure.megabytes_per_second()
            ),
        },
        None => missing(kind),
    };
    let value = match of("value").next() {
        Some(figure) => Finding {
            holds: Some(figure.ns <= VALUE_LIMIT),
            text: format!(
                "sanitizer, clean value of {} bytes {}: {:.1} ns (limit {VALUE_LIMIT})",
                figure.bytes, figure.name, figure.ns
            ),
        },
        None => missing("value"),
    };
    let hostile: Vec<_> = of("hostile").collect();
    let growth = hostile
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [short, long] => Some((&short.name, long.ns_per_byte() / short.ns_per_byte())),
            _ => None,
        })
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let growth = match growth {
        Some((name, growth)) => Finding {
            holds: Some(growth <= GROWTH_LIMIT),
            text: format!(
                "sanitizer, hostile texts: a byte of 1 MiB costs at most {growth:.2} times one of 64 KiB, \
                 of {name} (limit {GROWTH_LIMIT})"
            ),
        },
        None => missing("hostile"),
    };
    vec![
        floor("clean", CLEAN_FLOOR),
        floor("secrets", SECRETS_FLOOR),
        value,
        growth,
    ]
}

fn missing(kind: &str) -> Finding {
    Finding {
        holds: Some(false),
        text: format!("sanitizer, {kind}: not measured"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(kind: &'static str, bytes: usize, ns: f64) -> Figure {
        Figure {
            kind,
            name: kind.to_owned(),
            bytes,
            ns,
        }
    }

    fn holds(figures: &[Figure]) -> Vec<Option<bool>> {
        claims(figures).iter().map(|claim| claim.holds).collect()
    }

    #[test]
    fn the_slowest_text_and_the_steepest_growth_are_judged() {
        let good = [
            figure("clean", 1500, 1000.0),
            figure("clean", 150, 1000.0),
            figure("secrets", 30, 1000.0),
            figure("hostile", 100, 10.0),
            figure("hostile", 1600, 640.0),
            figure("value", 32, 75.0),
        ];
        assert_eq!(holds(&good), [Some(true); 4]);
        for (place, ns) in [(1, 1001.0), (2, 1001.0), (5, 75.1), (4, 641.0)] {
            let mut worse = good.clone();
            worse[place].ns = ns;
            let failed = holds(&worse)
                .iter()
                .filter(|it| **it == Some(false))
                .count();
            assert_eq!(failed, 1, "{place}");
        }
        assert_eq!(holds(&[]), [Some(false); 4]);
    }

    #[test]
    fn everything_is_measured_and_printed() {
        // Short texts: without optimization, long ones take minutes.
        let figures = measure_lengths(1, 1024, [256, 1024]).unwrap();
        assert_eq!(
            figures.len(),
            CLEAN.len() + SECRETS.len() + 2 * HOSTILE.len() + 1
        );
        assert!(figures.iter().all(|it| it.ns > 0.0 && it.ns < 1e12));
        assert_eq!(render(&figures).lines().count(), figures.len() + 1);
    }
}

//! The medians of all rounds: one row for each variant, allocator and number of threads.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::machine::Machine;
use crate::measure::Sample;
use crate::sanitizing::Figure;
use crate::unended::Growth;

/// One line of the table, and one object of the JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the variant.
    pub variant: String,
    /// `system` or `mimalloc`.
    pub allocator: String,
    /// Threads that make traces.
    pub threads: usize,
    /// The medians; what was captured and delivered is summed up over all rounds.
    #[serde(flatten)]
    pub sample: Sample,
    /// Distance between the quartiles of `ns_per_trace` as a part of its median: how much
    /// the machine was disturbed.
    #[serde(skip)]
    pub spread: f64,
}

impl Row {
    /// Sums up the rounds of one variant, allocator and number of threads.
    ///
    /// `None` where there was no round.
    #[must_use]
    pub fn of(variant: &str, allocator: &str, threads: usize, rounds: &[Sample]) -> Option<Self> {
        let of = |part: fn(&Sample) -> f64| median(rounds.iter().map(part).collect());
        let ns = rounds.iter().map(|sample| sample.ns_per_trace);
        let sample = Sample {
            ns_per_trace: of(|it| it.ns_per_trace)?,
            allocs_per_trace: of(|it| it.allocs_per_trace)?,
            bytes_per_trace: of(|it| it.bytes_per_trace)?,
            process_ns_per_trace: of(|it| it.process_ns_per_trace)?,
            traces_per_second: of(|it| it.traces_per_second)?,
            captured: rounds.iter().map(|it| it.captured).sum(),
            delivered: rounds.iter().map(|it| it.delivered).sum(),
        };
        Some(Self {
            variant: variant.to_owned(),
            allocator: allocator.to_owned(),
            threads,
            spread: spread(ns.collect())?,
            sample,
        })
    }
}

/// The row of this variant, allocator and number of threads.
#[must_use]
pub fn find<'a>(
    rows: &'a [Row],
    variant: &str,
    allocator: &str,
    threads: usize,
) -> Option<&'a Row> {
    rows.iter()
        .find(|row| row.variant == variant && row.allocator == allocator && row.threads == threads)
}

/// What is measured by itself, of no variant's traces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alone {
    /// The sanitizer.
    pub sanitizer: Vec<Figure>,
    /// Spans that never end.
    pub unended: Vec<Growth>,
}

/// The middle of the values; of an even number the mean of the two in the middle.
///
/// ```
/// use mcp_telemetry_benches::rows::median;
///
/// assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
/// assert_eq!(median(vec![1.0, 2.0]), Some(1.5));
/// assert_eq!(median(Vec::new()), None);
/// ```
#[must_use]
pub fn median(values: Vec<f64>) -> Option<f64> {
    quantile(values, 0.5)
}

fn spread(values: Vec<f64>) -> Option<f64> {
    let middle = median(values.clone())?;
    let width = quantile(values.clone(), 0.75)? - quantile(values, 0.25)?;
    Some(if middle > 0.0 { width / middle } else { 0.0 })
}

/// The value below which this part of the values lies, between two by their distance.
fn quantile(mut values: Vec<f64>, part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = values.len().checked_sub(1)? as f64 * part;
    let low = values.get(place.floor() as usize)?;
    let high = values.get(place.ceil() as usize)?;
    Some(low + (high - low) * place.fract())
}

/// The file that other programs read.
#[must_use]
pub fn json(machine: &Machine, rounds: usize, rows: &[Row], alone: &Alone) -> Value {
    json!({
        "machine": machine,
        "rounds": rounds,
        "rows": rows,
        "sanitizer": alone.sanitizer,
        "unended": alone.unended,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(ns: f64) -> Sample {
        Sample {
            ns_per_trace: ns,
            allocs_per_trace: 40.0,
            bytes_per_trace: 5000.0,
            process_ns_per_trace: ns * 2.0,
            traces_per_second: 1e9 / ns,
            captured: 100,
            delivered: 100,
        }
    }

    pub(crate) fn row(variant: &str, allocator: &str, threads: usize, ns: f64) -> Row {
        Row::of(variant, allocator, threads, &[sample(ns)]).unwrap()
    }

    #[test]
    fn medians_of_measures_and_sums_of_counts() {
        let rounds = [sample(100.0), sample(300.0), sample(200.0)];
        let row = Row::of("ours", "system", 1, &rounds).unwrap();
        assert_eq!(row.sample.ns_per_trace, 200.0);
        assert_eq!(row.sample.process_ns_per_trace, 400.0);
        assert_eq!((row.sample.captured, row.sample.delivered), (300, 300));
        assert_eq!(row.spread, 0.5, "from 150 to 250");
        assert_eq!(Row::of("ours", "system", 1, &[]), None);
    }

    #[test]
    fn quantiles_lie_between_values() {
        let values = vec![4.0, 1.0, 3.0, 2.0, 5.0];
        assert_eq!(quantile(values.clone(), 0.25), Some(2.0));
        assert_eq!(quantile(values, 0.9), Some(4.6));
    }

    #[test]
    fn the_json_has_the_keys_that_are_documented() {
        let machine = Machine::here("system, mimalloc");
        let json = json(
            &machine,
            9,
            &[row("ours", "system", 2, 100.0)],
            &Alone::default(),
        );
        let keys: Vec<_> = json["rows"][0].as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "allocator",
                "allocs_per_trace",
                "bytes_per_trace",
                "captured",
                "delivered",
                "ns_per_trace",
                "process_ns_per_trace",
                "threads",
                "traces_per_second",
                "variant",
            ]
        );
        assert_eq!(json["rows"][0]["threads"], 2);
        assert_eq!(json["rounds"], 9);
        assert!(json["machine"]["cores"].as_u64() >= Some(1));
        let back: Row = serde_json::from_value(json["rows"][0].clone()).unwrap();
        assert_eq!(back.sample, sample(100.0));
    }
}

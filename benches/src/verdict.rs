//! What the numbers have to show.

use crate::rows::{Row, find};
use crate::variants::Variant;

/// Part of the stock processor's time that ours may take at most.
pub const LIMIT: f64 = 0.5;

/// CPU time of the whole process, without sanitizing, as a part of what stock takes with what
/// its transport does. The aim is 1; a machine that does other work is not that exact.
pub const PROCESS_LIMIT: f64 = 1.3;

/// Gain of `noop` from a second thread below which the machine has no second core to give.
const JUDGED_FROM: f64 = 1.2;

/// Something that was looked at, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as it should be; `None` where this run cannot tell.
    pub holds: Option<bool>,
    /// The numbers.
    pub text: String,
}

/// Rows in which not all traces arrived; of variants that deliver nothing, any that did.
///
/// ```
/// assert!(mcp_telemetry_benches::verdict::losses(&[]).is_empty());
/// ```
#[must_use]
pub fn losses(rows: &[Row]) -> Vec<String> {
    let wrong = rows.iter().filter(|row| {
        let delivers = Variant::named(&row.variant).is_none_or(|variant| variant.delivers);
        let expected = if delivers { row.sample.captured } else { 0 };
        row.sample.delivered != expected
    });
    wrong
        .map(|row| {
            format!(
                "{} ({}, {} threads): {} captured, {} delivered",
                row.variant, row.allocator, row.threads, row.sample.captured, row.sample.delivered,
            )
        })
        .collect()
}

/// Our claims, for the system allocator: the time against stock, on the request's thread and
/// of the whole process, and that a second thread is a gain.
#[must_use]
pub fn claims(rows: &[Row]) -> [Finding; 3] {
    [
        time_against_stock(rows),
        process_against_stock(rows),
        second_thread(rows),
    ]
}

fn time_against_stock(rows: &[Row]) -> Finding {
    let of = |variant| find(rows, variant, "system", 1).map(|row| row.sample.ns_per_trace);
    let (Some(ours), Some(stock)) = (of("ours"), of("stock")) else {
        return missing("ours against stock");
    };
    let ratio = ours / stock;
    Finding {
        holds: Some(ratio <= LIMIT),
        text: format!(
            "ours / stock, one thread: {ours:.0} ns / {stock:.0} ns = {ratio:.3} (limit {LIMIT})"
        ),
    }
}

fn process_against_stock(rows: &[Row]) -> Finding {
    let of = |variant| find(rows, variant, "system", 1).map(|row| row.sample.process_ns_per_trace);
    let (Some(ours), Some(stock)) = (of("ours-unsanitized"), of("stock-written")) else {
        return missing("the process, ours against stock");
    };
    let ratio = ours / stock;
    Finding {
        holds: Some(ratio <= PROCESS_LIMIT),
        text: format!(
            "whole process, ours-unsanitized / stock-written, one thread: {ours:.0} ns / \
             {stock:.0} ns = {ratio:.3} (limit {PROCESS_LIMIT})"
        ),
    }
}

fn second_thread(rows: &[Row]) -> Finding {
    let of = |variant, threads| {
        find(rows, variant, "system", threads).map(|row| row.sample.traces_per_second)
    };
    let (Some(one), Some(two)) = (of("ours", 1), of("ours", 2)) else {
        return missing("ours with two threads");
    };
    let gain = two / one;
    // `noop` shares next to nothing between threads: what it does not gain, the machine does
    // not have, and then nothing can be said of ours.
    let machine = match (of("noop", 1), of("noop", 2)) {
        (Some(one), Some(two)) => two / one,
        _ => return missing("noop with two threads"),
    };
    let judged = machine >= JUDGED_FROM;
    let verdict = if judged {
        "above 1"
    } else {
        "not judged: other work takes the second core"
    };
    Finding {
        holds: judged.then_some(gain > 1.0),
        text: format!(
            "ours, traces a second: two threads {two:.0} / one {one:.0} = {gain:.2} ({verdict}); \
             noop gains {machine:.2} here"
        ),
    }
}

fn missing(what: &str) -> Finding {
    Finding {
        holds: Some(false),
        text: format!("{what}: not measured"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::row;

    fn measured(ours: f64, gain: f64, noop_gain: f64) -> Vec<Row> {
        let twice = |variant, ns: f64, gain: f64| {
            let mut two = row(variant, "system", 2, ns);
            two.sample.traces_per_second = gain / ns * 1e9;
            two
        };
        let process = |variant, ns| {
            let mut row = row(variant, "system", 1, 1.0);
            row.sample.process_ns_per_trace = ns;
            row
        };
        vec![
            process("stock-written", 1000.0),
            process("ours-unsanitized", 3.0 * ours),
            row("stock", "system", 1, 1000.0),
            row("stock", "mimalloc", 1, 10.0),
            row("noop", "system", 1, 100.0),
            twice("noop", 100.0, noop_gain),
            row("ours", "system", 1, ours),
            twice("ours", ours, gain),
        ]
    }

    #[test]
    fn half_of_stock_is_the_limit() {
        let holds = |ours| claims(&measured(ours, 1.5, 1.8)).map(|it| it.holds);
        assert_eq!(holds(433.0), [Some(true); 3]);
        assert_eq!(holds(434.0), [Some(true), Some(false), Some(true)]);
        assert_eq!(holds(500.0), [Some(true), Some(false), Some(true)]);
        assert_eq!(holds(501.0), [Some(false), Some(false), Some(true)]);
    }

    #[test]
    fn a_second_thread_has_to_gain_where_the_machine_has_one() {
        let second = |gain, noop| {
            let [_, _, second] = claims(&measured(400.0, gain, noop));
            (second.holds, second.text)
        };
        assert_eq!(second(1.01, 1.8).0, Some(true));
        let (holds, text) = second(1.0, 1.2);
        assert!(
            holds == Some(false) && text.contains("= 1.00 (above 1); noop gains 1.20 here"),
            "{text}"
        );
        let (holds, text) = second(0.9, 1.1);
        assert_eq!(holds, None);
        assert!(text.contains("not judged"), "{text}");
    }

    #[test]
    fn what_was_not_measured_does_not_hold() {
        assert!(
            claims(&[])
                .iter()
                .all(|finding| finding.holds == Some(false))
        );
    }

    #[test]
    fn losses_are_named() {
        let mut lost = row("ours", "system", 2, 1.0);
        lost.sample.delivered = 99;
        let mut unasked = row("ours-unsampled", "system", 1, 1.0);
        let mut nothing = unasked.clone();
        nothing.sample.delivered = 0;
        unasked.sample.delivered = 1;
        let found = losses(&[row("stock", "system", 1, 1.0), lost, unasked, nothing]);
        assert_eq!(
            found,
            [
                "ours (system, 2 threads): 100 captured, 99 delivered",
                "ours-unsampled (system, 1 threads): 100 captured, 1 delivered",
            ]
        );
    }
}

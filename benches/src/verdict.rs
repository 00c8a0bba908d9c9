//! What the numbers have to show.

use crate::rows::{Row, find};
use crate::variants::Variant;

/// Part of the stock processor's time that ours may take at most.
pub const LIMIT: f64 = 0.5;

/// Something that was looked at, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as it should be.
    pub holds: bool,
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

/// Our two claims, for the system allocator: the time against stock, and that a second
/// thread is a gain.
#[must_use]
pub fn claims(rows: &[Row]) -> [Finding; 2] {
    [time_against_stock(rows), second_thread(rows)]
}

fn time_against_stock(rows: &[Row]) -> Finding {
    let of = |variant| find(rows, variant, "system", 1).map(|row| row.sample.ns_per_trace);
    let (Some(ours), Some(stock)) = (of("ours"), of("stock")) else {
        return missing("ours against stock");
    };
    let ratio = ours / stock;
    Finding {
        holds: ratio <= LIMIT,
        text: format!(
            "ours / stock, one thread: {ours:.0} ns / {stock:.0} ns = {ratio:.3} (limit {LIMIT})"
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
    // `noop` shares nothing between threads: what it does not gain, the machine does not have.
    let machine = match (of("noop", 1), of("noop", 2)) {
        (Some(one), Some(two)) => format!("; noop gains {:.2} here", two / one),
        _ => String::new(),
    };
    Finding {
        holds: gain > 1.0,
        text: format!(
            "ours, traces a second: two threads {two:.0} / one {one:.0} = {gain:.2} (above 1){machine}"
        ),
    }
}

fn missing(what: &str) -> Finding {
    Finding {
        holds: false,
        text: format!("{what}: not measured"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::row;

    fn measured(ours: f64, second: f64) -> Vec<Row> {
        let mut two = row("ours", "system", 2, ours);
        two.sample.traces_per_second = second / ours * 1e9;
        vec![
            row("stock", "system", 1, 1000.0),
            row("stock", "mimalloc", 1, 10.0),
            row("ours", "system", 1, ours),
            two,
        ]
    }

    #[test]
    fn half_of_stock_is_the_limit() {
        let holds = |ours| claims(&measured(ours, 1.5)).map(|it| it.holds);
        assert_eq!(holds(500.0), [true, true]);
        assert_eq!(holds(501.0), [false, true]);
    }

    #[test]
    fn a_second_thread_has_to_gain() {
        let holds = |gain| claims(&measured(400.0, gain)).map(|it| it.holds);
        assert_eq!(holds(1.01), [true, true]);
        assert_eq!(holds(1.0), [true, false]);
        let [_, second] = claims(&measured(400.0, 0.5));
        let text = "ours, traces a second: two threads 1250000 / one 2500000 = 0.50 (above 1)";
        assert_eq!(second.text, text);

        let mut rows = measured(400.0, 0.5);
        rows.extend([1, 2].map(|threads| row("noop", "system", threads, 10.0)));
        let [_, second] = claims(&rows);
        assert!(!second.holds, "it is only said, it excuses nothing");
        assert_eq!(second.text, format!("{text}; noop gains 1.00 here"));
    }

    #[test]
    fn what_was_not_measured_does_not_hold() {
        assert!(claims(&[]).iter().all(|finding| !finding.holds));
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

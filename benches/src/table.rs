//! The rows as aligned text.

use crate::rows::{Row, find};
use crate::variants::Variant;

const HEAD: [&str; 14] = [
    "allocator",
    "variant",
    "threads",
    "ns/trace",
    "spread",
    "x stock",
    "x batch",
    "allocs",
    "bytes",
    "process ns",
    "traces/s",
    "x 1 thread",
    "captured",
    "delivered",
];

/// How the names of variants with logs end.
const WITH_LOGS: &str = "+logs";

/// The columns that hold text; all others hold numbers and stand to the right.
const TEXTS: usize = 2;

/// Renders the rows, in their order, with a line between two allocators.
///
/// `x stock` and `x batch` are times of `ns/trace` of these variants with the same allocator
/// and as many threads, and for variants with logs of `stock+logs`; `x 1 thread` is the throughput against that of one thread.
///
/// ```
/// let table = mcp_telemetry_benches::table::render(&[]);
/// assert!(table.starts_with("allocator"));
/// ```
#[must_use]
pub fn render(rows: &[Row]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| cells(row, rows)));
    let mut widths = [0; HEAD.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    let mut allocator = "";
    for (at, line) in lines.iter().enumerate() {
        let of_line = rows
            .get(at.wrapping_sub(1))
            .map_or("", |row| &row.allocator);
        if of_line != allocator {
            let width = widths.iter().sum::<usize>() + 2 * (HEAD.len() - 1);
            text.extend(std::iter::repeat_n('-', width).chain(['\n']));
            allocator = of_line;
        }
        let cells = line.iter().zip(widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column < TEXTS {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn cells(row: &Row, rows: &[Row]) -> [String; HEAD.len()] {
    let sample = &row.sample;
    let against = |variant| {
        let other = find(rows, variant, &row.allocator, row.threads);
        ratio(other.map(|other| sample.ns_per_trace / other.sample.ns_per_trace))
    };
    let one = find(rows, &row.variant, &row.allocator, 1);
    let gain = one.map(|one| sample.traces_per_second / one.sample.traces_per_second);
    let delivers = Variant::named(&row.variant).is_none_or(|variant| variant.delivers);
    [
        row.allocator.clone(),
        row.variant.clone(),
        row.threads.to_string(),
        format!("{:.0}", sample.ns_per_trace),
        format!("{:.0} %", row.spread * 100.0),
        against(if row.variant.ends_with(WITH_LOGS) {
            "stock+logs"
        } else {
            "stock"
        }),
        against("batch"),
        format!("{:.1}", sample.allocs_per_trace),
        format!("{:.0}", sample.bytes_per_trace),
        format!("{:.0}", sample.process_ns_per_trace),
        format!("{:.0}", sample.traces_per_second),
        ratio(gain),
        sample.captured.to_string(),
        match delivers || sample.delivered > 0 {
            true => sample.delivered.to_string(),
            false => "-".to_owned(),
        },
    ]
}

fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::row;

    #[test]
    fn columns_stand_under_each_other_and_ratios_are_of_the_same_kind() {
        let mut off = row("off", "system", 1, 250.0);
        off.sample.delivered = 0;
        let rows = [
            off,
            row("stock", "system", 1, 1000.0),
            row("stock", "system", 2, 2000.0),
            row("stock", "mimalloc", 1, 500.0),
        ];
        let text = render(&rows);
        let lines: Vec<_> = text.lines().collect();
        let words = |at: usize| lines[at].split_whitespace().collect::<Vec<_>>();

        assert_eq!(lines.len(), 7, "{text}");
        assert!(lines[1].chars().all(|c| c == '-') && lines[5].chars().all(|c| c == '-'));
        assert_eq!(words(2)[..4], ["system", "off", "1", "250"]);
        assert_eq!(
            words(2)[6..8],
            ["0.25", "-"],
            "a quarter of stock, no batch"
        );
        assert_eq!(words(2).last(), Some(&"-"), "it delivers nothing");
        assert_eq!(words(4)[6], "1.00", "against stock with two threads");
        assert_eq!(words(4)[12], "0.50", "half of one thread's throughput");
        assert_eq!(words(6)[6], "1.00", "against stock with mimalloc");
        for column in ["threads", "ns/trace", "process ns", "delivered"] {
            let end = lines[0].find(column).unwrap() + column.len();
            for at in [2, 3, 4, 6] {
                let cell = lines[at].as_bytes();
                assert_ne!(cell[end - 1], b' ', "{column}\n{text}");
                assert!(
                    cell.get(end).is_none_or(|next| *next == b' '),
                    "{column}\n{text}"
                );
            }
        }
    }
}

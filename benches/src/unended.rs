//! Spans that never end: what they take beside what OpenTelemetry itself keeps of them.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::children;
use crate::verdict::Finding;
use crate::workload::SPANS_PER_TRACE;

/// Spans that are left open.
pub const SPANS: u64 = 200_000;

/// OpenTelemetry alone with as many attributes on the spans as ours puts there.
const ALONE: &str = "noop-inherited";

/// That one, the same without a request's attributes, ours, and Sentry's processor.
const VARIANTS: [&str; 4] = [ALONE, "noop-tuned", "ours", "stock-tuned"];

/// Memory of ours against that of OpenTelemetry alone.
const LIMIT: f64 = 1.10;

/// What one process took for the open spans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Name of the variant.
    pub variant: String,
    /// Spans that are open.
    pub spans: u64,
    /// Resident memory that came with them, in bytes.
    pub bytes: u64,
}

/// Measures each variant in a process of its own; nothing where the system does not tell resident memory.
///
/// # Errors
///
/// Where a process cannot be started or fails.
pub fn measure(program: &Path) -> anyhow::Result<Vec<Growth>> {
    if resident().is_none() {
        return Ok(Vec::new());
    }
    VARIANTS
        .iter()
        .map(|variant| children::ask(program, variant, &["--unended"]))
        .collect()
}

/// What a child does: opens the spans of one variant in this process.
///
/// # Errors
///
/// Where there is no such variant, or it cannot be set up, or the system does not tell resident memory.
pub fn measure_here(variant: &str) -> anyhow::Result<Growth> {
    let running = children::start(variant)?;
    let traces = SPANS / SPANS_PER_TRACE;
    let mut kept = Vec::new();
    kept.reserve_exact(usize::try_from(SPANS)? + 1);
    // The first ones bring what is made once.
    for number in 0..1_000 {
        (running.trace)(number);
    }
    running.drain()?;
    let before = resident().context("resident memory is not known")?;
    for number in 0..traces {
        (running.open)(number, &mut kept);
    }
    let after = resident().context("resident memory is not known")?;
    Ok(Growth {
        variant: variant.to_owned(),
        spans: kept.len() as u64,
        bytes: after.saturating_sub(before),
    })
}

/// Bytes of this process that lie in memory, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The figures as lines.
#[must_use]
pub fn render(growths: &[Growth]) -> String {
    let mut text = format!("{SPANS} spans that never end, resident memory\n");
    for growth in growths {
        let mebibytes = growth.bytes as f64 / f64::from(1 << 20);
        let each = growth.bytes as f64 / growth.spans as f64;
        text.push_str(&format!(
            "  {:<14} {mebibytes:>7.1} MiB  {each:>6.0} bytes a span\n",
            growth.variant
        ));
    }
    text
}

/// That ours takes little more than OpenTelemetry alone.
#[must_use]
pub fn claim(growths: &[Growth]) -> Finding {
    let of = |variant| {
        growths
            .iter()
            .find(|it| it.variant == variant)
            .map(|it| it.bytes as f64)
    };
    let (Some(ours), Some(alone)) = (of("ours"), of(ALONE)) else {
        return Finding {
            holds: None,
            text: "spans that never end: this system does not tell resident memory".to_owned(),
        };
    };
    let ratio = ours / alone;
    Finding {
        holds: Some(ratio <= LIMIT),
        text: format!("spans that never end, ours / {ALONE}: {ratio:.3} (limit {LIMIT})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(variant: &str, bytes: u64) -> Growth {
        Growth {
            variant: variant.to_owned(),
            spans: SPANS,
            bytes,
        }
    }

    #[test]
    fn a_tenth_more_is_the_limit() {
        let holds = |ours| claim(&[growth(ALONE, 1000), growth("ours", ours)]).holds;
        assert_eq!((holds(1100), holds(1101)), (Some(true), Some(false)));
        assert_eq!(claim(&[]).holds, None);
        let text = render(&[growth("ours", 200_000 * 1024)]);
        assert!(text.contains("195.3 MiB    1024 bytes a span"), "{text}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn resident_memory_is_known() {
        assert!(resident().is_some_and(|bytes| bytes > 1 << 20));
    }
}

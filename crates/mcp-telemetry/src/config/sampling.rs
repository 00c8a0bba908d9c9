//! Which traces are kept.

use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

use otel_smart_sampler::{RemoteParents, Rule, SmartSampler};

use super::reader::{Reader, shown, uses_default};
use super::variables::names;

/// Largest file of rules, in bytes.
const MAX_RULES: u64 = 64 * 1024;

/// The longest time in `MCP_TELEMETRY_KEEP`.
const MAX_SLOW: Duration = Duration::from_secs(24 * 60 * 60);

/// Which traces are kept.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SamplingConfig {
    /// The rate of `OTEL_TRACES_SAMPLER`, 0.0 to 1.0; `None` where that says none, or
    /// `SENTRY_TRACES_SAMPLE_RATE` is set, which wins.
    pub otel_rate: Option<f64>,
    /// `MCP_TELEMETRY_SAMPLING_RULES`: the app's own rules, in front of those of this crate.
    pub rules: Vec<Rule>,
    /// What a remote parent's decision counts, by `MCP_TELEMETRY_OBEY_PARENT` and
    /// `OTEL_TRACES_SAMPLER`.
    pub remote_parents: RemoteParents,
    /// `MCP_TELEMETRY_KEEP`: what is kept whatever the sampler said.
    pub keep: Keep,
}

/// Traces that are kept when they turn out to matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Keep {
    /// Those in which a span has error status.
    pub errors: bool,
    /// Those whose first span in this process lasts so long or longer.
    pub slow: Option<Duration>,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            errors: true,
            slow: None,
        }
    }
}

impl Keep {
    /// Nothing but what the sampler keeps.
    pub const OFF: Self = Self {
        errors: false,
        slow: None,
    };
}

impl SamplingConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let (otel_rate, otel_parents) = read_otel_sampler(reader);
        let obeys = reader.switch(&names::MCP_TELEMETRY_OBEY_PARENT, false);
        let base_is_set = reader.text(&names::SENTRY_TRACES_SAMPLE_RATE).is_some();
        Self {
            otel_rate: otel_rate.filter(|_| !base_is_set),
            rules: read_rules(reader),
            remote_parents: match obeys {
                true => RemoteParents::Obey,
                false => otel_parents,
            },
            keep: read_keep(reader),
        }
    }
}

/// The rate that the OpenTelemetry specification's samplers stand for, and what they make of remote
/// parents.
fn read_otel_sampler(reader: &mut Reader<'_>) -> (Option<f64>, RemoteParents) {
    use RemoteParents::{ByRule, Ignore};
    /// The rate is the argument's.
    const RATIO: Option<f64> = None;
    let words = [
        ("always_on", (Some(1.0), Ignore)),
        ("always_off", (Some(0.0), Ignore)),
        ("traceidratio", (RATIO, Ignore)),
        ("parentbased_always_on", (Some(1.0), ByRule)),
        ("parentbased_always_off", (Some(0.0), ByRule)),
        ("parentbased_traceidratio", (RATIO, ByRule)),
    ];
    let argument = reader.rate(&names::OTEL_TRACES_SAMPLER_ARG, 1.0);
    match reader.optional_one_of(&names::OTEL_TRACES_SAMPLER, &words) {
        Some((rate, parents)) => (Some(rate.unwrap_or(argument)), parents),
        None => (None, ByRule),
    }
}

/// Wrong rules are not used, none of them: the order is a part of what they say.
fn read_rules(reader: &mut Reader<'_>) -> Vec<Rule> {
    let variable = &names::MCP_TELEMETRY_SAMPLING_RULES;
    let Some(value) = reader.text(variable) else {
        return Vec::new();
    };
    let fallback = "none of these rules is used";
    let text = match value.contains("->") {
        true => value,
        false => match read_file(&value) {
            Ok(text) => text,
            Err(problem) => {
                reader.report(variable, format!("{} {problem}", shown(&value)), fallback);
                return Vec::new();
            }
        },
    };
    let problems: Vec<String> = match Rule::parse(&text) {
        Err(error) => error.problems().iter().map(ToString::to_string).collect(),
        // Names that repeat, or are taken.
        Ok(rules) => match SmartSampler::builder().rules(rules.clone()).build() {
            Ok(_) => return rules,
            Err(error) => error.problems().iter().map(ToString::to_string).collect(),
        },
    };
    for problem in problems {
        reader.report(variable, problem, fallback);
    }
    Vec::new()
}

/// A file of rules, or what is wrong with it.
fn read_file(path: &str) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    // Opening a pipe would wait for whoever writes into it.
    let is_file = std::fs::metadata(path).map_err(unreadable)?.is_file();
    if !is_file {
        return Err("is no file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let mut file = file.take(MAX_RULES + 1);
    file.read_to_string(&mut text).map_err(unreadable)?;
    match u64::try_from(text.len()) {
        Ok(0..=MAX_RULES) => Ok(text),
        _ => Err(format!("is larger than {MAX_RULES} bytes")),
    }
}

/// Wrong items are left out; where none is left, the default holds.
fn read_keep(reader: &mut Reader<'_>) -> Keep {
    let variable = &names::MCP_TELEMETRY_KEEP;
    let Some(items) = reader.list(variable) else {
        return Keep::default();
    };
    let mut keep = Keep::OFF;
    let mut wrong = Vec::new();
    for item in &items {
        match item.to_ascii_lowercase().as_str() {
            "errors" => keep.errors = true,
            "off" if items.len() == 1 => return Keep::OFF,
            "off" => wrong.push((item, "cannot stand beside another word")),
            other => match other.strip_prefix("slow:").and_then(duration) {
                Some(slow) => keep.slow = Some(keep.slow.map_or(slow, |it| it.min(slow))),
                None => wrong.push((item, "is none of the accepted words")),
            },
        }
    }
    let fallback = match keep == Keep::OFF {
        true => uses_default(variable),
        false => "the others are used".to_owned(),
    };
    for (item, problem) in wrong {
        let problem = format!("{} {problem}", shown(item));
        reader.report(variable, problem, fallback.clone());
    }
    match keep == Keep::OFF {
        true => Keep::default(),
        false => keep,
    }
}

/// A time above zero such as `500ms`, `10s`, `1.5s` or `2m`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = [("ms", 0.001), ("s", 1.0), ("m", 60.0)]
        .into_iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))?;
    let seconds = number.trim().parse::<f64>().ok()? * unit;
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    (!duration.is_zero() && duration <= MAX_SLOW).then_some(duration)
}

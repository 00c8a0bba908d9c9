//! The table as a page.

use std::fmt::Write as _;

use super::{Condition, NOT_EMITTED, SPANS};
use crate::attributes::{ALL, Gate, Source, ValueType};
use crate::metrics::{Form, Instrument};

/// The page `ATTRIBUTES.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Spans and attributes\n\n\
         Made from the tables in `src/spans` and `src/attributes.rs`; a test compares. \"When\" lists what must hold, all of it; \
         \"always\" means on every such span.\n\n\
         Every value passes the sanitizer. What needs `SENTRY_SEND_PII` besides stands [below](#with-and-without-sentry_send_pii).\n",
    );
    for span in SPANS {
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "\n## `{}`, kind {}\n\nName: {}. Error: {}.\n",
            span.op, span.kind, span.name, span.fails
        );
        for group in span.groups {
            let _ = write!(
                page,
                "\n### {}\n\n| attribute | when |\n|---|---|\n",
                group.title
            );
            for (key, conditions) in group.rows {
                let when = match conditions {
                    [] => "always".to_owned(),
                    some => some.iter().map(words).collect::<Vec<_>>().join(", "),
                };
                let _ = writeln!(page, "| `{}` | {when} |", starred(key));
            }
        }
    }
    page.push_str(
        "\n## Attributes\n\n| attribute | type | gate | from | meaning |\n|---|---|---|---|---|\n",
    );
    for it in ALL {
        let sources = it.sources.iter().map(|it| source(*it)).collect::<Vec<_>>();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            starred(it.key),
            value(it.value),
            gate(it.gate),
            sources.join(", "),
            it.brief.trim()
        );
    }
    push_pii(&mut page);
    page.push_str(
        "\n## Metrics\n\nThey go out by OTLP, and count whether or not a trace is sampled.\n\n\
         | instrument | unit | buckets | meaning |\n|---|---|---|---|\n",
    );
    for it in crate::metrics::all() {
        let Instrument {
            name,
            unit,
            form,
            meaning,
        } = it;
        let form = match form {
            Form::Counter => "- (a counter)".to_owned(),
            Form::Gauge => "- (a gauge)".to_owned(),
            Form::Histogram(buckets) => {
                let buckets = buckets.iter().map(f64::to_string).collect::<Vec<_>>();
                buckets.join(" ")
            }
        };
        let _ = writeln!(page, "| `{name}` | `{unit}` | {form} | {meaning} |");
    }
    page.push_str("\n## Not there, and why\n\n| what | why |\n|---|---|\n");
    for (what, why) in NOT_EMITTED {
        let _ = writeln!(page, "| {what} | {why} |");
    }
    page
}

/// What `SENTRY_SEND_PII` decides, by gate.
fn push_pii(page: &mut String) {
    page.push_str(
        "\n## With and without `SENTRY_SEND_PII`\n\n\
         | gate | attributes | `true` | `false` |\n|---|---|---|---|\n",
    );
    for it in Gate::ALL.iter().copied() {
        let (meaning, without) = match it {
            // The rest: too many to name again.
            Gate::Open => continue,
            Gate::User => ("who the user is", "not there"),
            Gate::Inputs => ("what a user or client wrote", "not there"),
            Gate::Outputs => ("what was answered", "not there"),
            Gate::Shortened => ("what tells more than a name", "shortened"),
        };
        let keys = ALL.iter().filter(|attribute| attribute.gate == it);
        let keys: Vec<_> = keys.map(|it| format!("`{}`", starred(it.key))).collect();
        let _ = writeln!(
            page,
            "| {}: {meaning} | {} | recorded | {without} |",
            gate(it),
            keys.join(", ")
        );
    }
    page.push_str(
        "| none: names, ids, counts, sizes, durations, statuses, kinds of errors | all others | recorded | recorded |\n",
    );
}

/// `InMessage` as "in message".
fn words(condition: &Condition) -> String {
    let mut words = String::new();
    for c in format!("{condition:?}").chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

fn starred(key: &str) -> String {
    match key.ends_with('.') {
        true => format!("{key}*"),
        false => key.to_owned(),
    }
}

fn value(value: ValueType) -> &'static str {
    match value {
        ValueType::Text => "string",
        ValueType::Texts => "string[]",
        ValueType::Int => "int",
        ValueType::Double => "double",
        ValueType::Bool => "bool",
    }
}

fn gate(gate: Gate) -> &'static str {
    match gate {
        Gate::Open => "-",
        Gate::User => "user",
        Gate::Inputs => "inputs",
        Gate::Outputs => "outputs",
        Gate::Shortened => "shortened",
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::OTel => "OTel",
        Source::Sentry => "Sentry",
        Source::Seed => "document",
        Source::Ours => "own",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_as_words() {
        assert_eq!(words(&Condition::InMessage), "in message");
        assert_eq!(words(&Condition::Pii), "pii");
    }
}

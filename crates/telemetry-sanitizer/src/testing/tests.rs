//! The corpora against the sanitizer: as they are, and in random surroundings.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Secret, harmless, secrets};
use crate::{MARKER, Sanitizer};

static SANITIZER: LazyLock<Sanitizer> = LazyLock::new(Sanitizer::default);

#[test]
fn there_are_many_kinds_each_with_its_own_marker() {
    for seed in 0..20 {
        let secrets = secrets(seed);
        assert!(secrets.len() >= 190, "{}", secrets.len());
        let kinds: BTreeSet<_> = secrets.iter().map(|s| s.kind).collect();
        let markers: BTreeSet<_> = secrets.iter().map(|s| &s.marker).collect();
        assert_eq!(kinds.len(), secrets.len());
        assert_eq!(markers.len(), secrets.len());
        for secret in &secrets {
            assert!(secret.marker.len() >= 6, "{secret:?}");
            assert!(secret.secret.contains(&secret.marker), "{secret:?}");
        }
    }
}

/// What is left of a secret, wherever it stands.
fn survivors(secret: &Secret) -> Vec<String> {
    let sanitizer = &*SANITIZER;
    let text = secret.text();
    let escaped = Value::from(&*text).to_string();
    let twice = Value::from(&*escaped).to_string();
    let percent = percent_encoded(&text);
    let mut left = Vec::new();
    let mut check = |way: &str, got: &str| {
        if got.contains(&secret.marker) {
            left.push(format!("{}, {way}: {got:?}", secret.kind));
        }
    };
    check("text", &sanitizer.text(&text));
    check("bytes", &sanitizer.bytes(text.as_bytes()));
    check("value", &sanitizer.value("note", &text));
    check("preview", &sanitizer.preview(&text, 4000));
    check("escaped", &sanitizer.text(&escaped));
    check("escaped twice", &sanitizer.text(&twice));
    check("Debug", &sanitizer.text(&format!("{text:?}")));
    check(
        "escaped Debug",
        &sanitizer.text(&Value::from(format!("{text:?}")).to_string()),
    );
    check("percent-encoded", &sanitizer.text(&percent));
    check("percent-encoded value", &sanitizer.value("note", &percent));
    check(
        "URL",
        &sanitizer.url(&format!("https://h/?q={percent}&a=1")),
    );
    let mut document = json!({"note": text, "inner": [{"text": escaped}], "url": percent});
    let line = document.to_string();
    sanitizer.json(&mut document);
    check("JSON", &document.to_string());
    check("JSON line", &sanitizer.text(&line));
    check(
        "JSON line as value",
        &sanitizer.value("mcp.tool.arguments", &line),
    );
    left
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() => char::from(c).to_string(),
            c => format!("%{c:02X}"),
        })
        .collect()
}

#[test]
fn no_kind_survives_anywhere() {
    let left: Vec<_> = (0..8)
        .flat_map(secrets)
        .flat_map(|secret| survivors(&secret))
        .collect();
    assert!(left.is_empty(), "{} left\n{}", left.len(), first(&left));
}

/// The first few lines.
fn first(lines: &[String]) -> String {
    lines
        .iter()
        .take(20)
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn of_each_kind_a_marker_is_left_and_what_stands_before() {
    for secret in secrets(3) {
        let got = SANITIZER.text(&secret.text()).into_owned();
        assert!(got.contains(MARKER), "{}: {got}", secret.kind);
        let first = secret.before.split([':', '=', '"', '/']).next();
        assert!(
            got.starts_with(first.unwrap_or_default()),
            "{}: {got}",
            secret.kind
        );
    }
}

#[test]
fn harmless_lines_stay_and_are_borrowed() {
    let lines: Vec<_> = harmless().collect();
    assert!(lines.len() >= 150, "{}", lines.len());
    let mut wrong = Vec::new();
    for line in lines {
        for (way, got) in [
            ("text", SANITIZER.text(line)),
            ("value", SANITIZER.value("db.query.text", line)),
            ("preview", SANITIZER.preview(line, 1000)),
        ] {
            let same = matches!(got, Cow::Borrowed(same) if std::ptr::eq(same, line));
            if !same {
                wrong.push(format!("{way}\n  {line}\n  {got}"));
            }
        }
        for other in [
            Value::from(line).to_string(),
            percent_encoded(line),
            format!("x {line}\n{line}"),
        ] {
            let got = SANITIZER.text(&other);
            if got != other {
                wrong.push(format!("other\n  {other}\n  {got}"));
            }
        }
        let mut document = json!({"query": line, "list": [line]});
        let before = document.clone();
        SANITIZER.json(&mut document);
        if document != before {
            wrong.push(format!("JSON\n  {before}\n  {document}"));
        }
    }
    assert!(wrong.is_empty(), "{}", first(&wrong));
}

/// What may stand directly before and behind a secret in its text.
const EDGES: &[&str] = &[
    "", " ", "\n", "\t", ", ", "; ", "(", "\"", "'", "[", "é ", "日本 ", "— ", "> ", "\\n", "\r\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_planted_secret_never_survives(
        seed in any::<u64>(),
        kind in any::<prop::sample::Index>(),
        first in prop::sample::select(harmless().collect::<Vec<_>>()),
        second in prop::sample::select(harmless().collect::<Vec<_>>()),
        noise in "\\PC{0,40}",
        left in prop::sample::select(EDGES),
        padding in 0_usize..20,
    ) {
        let mut secret = kind.get(&secrets(seed)).clone();
        // A line of its own: a quote or bracket that is open before would be its surroundings.
        let pad = ".".repeat(padding);
        secret.before = format!("{first}\n{noise}\n{pad}{left}\n{}", secret.before);
        secret.behind = format!("{}\n{second} {noise}", secret.behind);
        let left = survivors(&secret);
        prop_assert!(left.is_empty(), "{}", left.join("\n"));
    }

    #[test]
    fn a_secret_with_a_form_of_its_own_needs_no_line_of_its_own(
        seed in any::<u64>(),
        kind in any::<prop::sample::Index>(),
        words in "[a-z ,.]{0,30}",
        left in prop::sample::select(EDGES),
    ) {
        let all: Vec<_> = secrets(seed).into_iter().filter(|s| s.before == "got ").collect();
        let secret = kind.get(&all);
        for text in [
            format!("{words}{left} {}{words}", secret.secret),
            format!("{words}={}{left}{words}", secret.secret),
            format!("/{words}/{}", secret.secret),
        ] {
            let got = SANITIZER.text(&text);
            prop_assert!(!got.contains(&secret.marker), "{}: {got:?}", secret.kind);
        }
    }

    #[test]
    fn a_corpus_in_pieces_is_stable_and_bounded(
        seed in any::<u64>(),
        order in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..400), 1..6),
        cut in 0_usize..200,
    ) {
        let texts: Vec<_> = secrets(seed).iter().map(Secret::text).collect();
        let pieces: Vec<String> = order
            .iter()
            .map(|(index, start)| index.get(&texts).chars().skip(start % 40).collect())
            .collect();
        let text = pieces.concat();
        for sanitizer in [&*SANITIZER, &Sanitizer::builder().max_value_len(cut).build()] {
            let once = sanitizer.text(&text).into_owned();
            prop_assert_eq!(&*sanitizer.text(&once), &*once, "text {:?}", &text);
        }
    }
}

//! What Splunk says: its messages, read from JSON, XML or anything else, without our secrets.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most messages of one answer that are kept.
const MOST_MESSAGES: usize = 20;
/// The longest text of a message that is kept, in characters.
const LONGEST_TEXT: usize = 1_000;
/// How much of a text that is neither JSON nor XML is kept, in characters.
const LONGEST_EXCERPT: usize = 200;
/// Shorter secrets are not looked for in texts: they would match by chance.
const SHORTEST_SECRET: usize = 4;

/// A message of Splunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SplunkMessage {
    /// `INFO`, `WARN`, `ERROR`, `FATAL` or what else Splunk says; empty when it does not say.
    #[serde(rename = "type")]
    pub severity: String,
    /// The text, at most 1000 characters.
    pub text: String,
}

impl fmt::Display for SplunkMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.severity.is_empty() {
            f.write_str(&self.text)
        } else {
            write!(f, "{}: {}", self.severity, self.text)
        }
    }
}

/// The secrets of one call, to be kept out of every text that leaves it.
#[derive(Default)]
pub(crate) struct Secrets<'a>(pub(crate) Vec<&'a str>);

impl Secrets<'_> {
    /// The text with every secret replaced, and cut to a bearable length.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if secret.len() >= SHORTEST_SECRET {
                text = text.replace(secret, "***");
            }
        }
        match text.char_indices().nth(LONGEST_TEXT) {
            Some((end, _)) => {
                text.truncate(end);
                text.push('…');
                text
            }
            None => text,
        }
    }
}

/// The messages in a body that says what went wrong: JSON, XML, or the start of any other text.
pub(crate) fn of_error_body(body: &[u8], secrets: &Secrets<'_>) -> Vec<SplunkMessage> {
    if let Ok(Value::Object(map)) = serde_json::from_slice(body) {
        return of_json(map.get("messages"), secrets);
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let from_xml = of_xml(text, secrets);
    if !from_xml.is_empty() || text.is_empty() {
        return from_xml;
    }
    // Scrubbed before it is cut, so that no part of a secret is left at the end.
    let start = secrets.scrub(text).chars().take(LONGEST_EXCERPT).collect();
    vec![SplunkMessage {
        severity: String::new(),
        text: start,
    }]
}

/// The messages of a JSON answer's `messages`.
pub(crate) fn of_json(messages: Option<&Value>, secrets: &Secrets<'_>) -> Vec<SplunkMessage> {
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    messages
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(MOST_MESSAGES)
        .map(|entry| message(&text(entry, "type"), &text(entry, "text"), secrets))
        .collect()
}

/// The `<msg type="WARN">text</msg>` elements of an XML answer.
fn of_xml(text: &str, secrets: &Secrets<'_>) -> Vec<SplunkMessage> {
    text.split("<msg")
        .skip(1)
        .take(MOST_MESSAGES)
        .filter_map(|rest| {
            let (attributes, rest) = rest.split_once('>')?;
            let (text, _) = rest.split_once("</msg>")?;
            let severity = attributes
                .split_once("type=")
                .map(|(_, value)| value.trim_start_matches(['"', '\'']))
                .and_then(|value| value.split(['"', '\'']).next())
                .unwrap_or_default();
            Some(message(severity, &unescape(text), secrets))
        })
        .collect()
}

fn unescape(text: &str) -> String {
    // The ampersand last, so that `&amp;lt;` stays `&lt;`.
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn message(severity: &str, text: &str, secrets: &Secrets<'_>) -> SplunkMessage {
    SplunkMessage {
        severity: secrets.scrub(severity),
        text: secrets.scrub(text.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<(String, String)> {
        of_error_body(body.as_bytes(), &Secrets(vec!["hunter2", "abc"]))
            .into_iter()
            .map(|message| (message.severity, message.text))
            .collect()
    }

    fn pair(severity: &str, text: &str) -> (String, String) {
        (severity.to_owned(), text.to_owned())
    }

    #[test]
    fn reads_both_shapes_and_any_other_text() {
        assert_eq!(
            read(r#"{"messages":[{"type":"FATAL","text":"Empty search."},{"text":7},3]}"#),
            [pair("FATAL", "Empty search."), pair("", ""), pair("", "")]
        );
        assert_eq!(
            read(
                "<response><messages>\n<msg type=\"WARN\" code=\"x\">a &amp;lt; b</msg><msg>c</msg></messages>"
            ),
            [pair("WARN", "a &lt; b"), pair("", "c")]
        );
        assert_eq!(
            read("  502 from the proxy "),
            [pair("", "502 from the proxy")]
        );
        assert_eq!(read(""), []);
        assert_eq!(read("{}"), []);
        assert_eq!(read("[1]"), [pair("", "[1]")]);
    }

    #[test]
    fn scrubs_secrets_but_not_tiny_ones() {
        assert_eq!(
            read(r#"{"messages":[{"type":"WARN","text":"bad hunter2, abc, xhunter2"}]}"#),
            [pair("WARN", "bad ***, abc, x***")]
        );
    }

    #[test]
    fn leaves_no_part_of_a_secret_at_a_cut() {
        let text = format!("{}hunter2 and more", "x".repeat(LONGEST_EXCERPT - 3));
        let shown = &read(&text)[0].1;
        assert!(shown.ends_with("x***"), "{shown}");
    }

    #[test]
    fn is_bounded() {
        let long = format!(
            "{{\"messages\":[{}]}}",
            vec![format!("{{\"text\":\"{}\"}}", "é".repeat(5_000)); 50].join(",")
        );
        let messages = read(&long);
        assert_eq!(messages.len(), MOST_MESSAGES);
        assert_eq!(messages[0].1.chars().count(), LONGEST_TEXT + 1);
        assert!(
            of_error_body(&[0xff; 10_000], &Secrets::default())[0]
                .text
                .chars()
                .count()
                <= LONGEST_EXCERPT
        );
    }
}

//! What is planted: secrets of all kinds and harmless lines, each with a word beside it.

use mcp_telemetry_tests::needles::SHORTEST;
use telemetry_sanitizer::testing::{harmless, secrets};

use crate::place::Form;

/// A place gets one of so many kinds of secret.
const SHARE: usize = 3;

/// Of a long secret its start and its end are looked for: one that was cut must not leave
/// either.
const PIECE: usize = 12;

/// The longest harmless line, in bytes: previews cut what is longer.
const LONGEST_HARMLESS: usize = 100;

/// What is written in a place.
#[derive(Clone, Debug)]
pub(crate) struct Planted {
    /// The kind of secret; `None` for a harmless line.
    pub(crate) kind: Option<&'static str>,
    /// The word that tells where it has got to.
    pub(crate) word: String,
    /// The word and behind it the secret, in the text that gives it away.
    pub(crate) text: String,
    /// The secret alone, or the harmless line.
    pub(crate) secret: String,
    /// What may be found nowhere.
    pub(crate) pieces: Vec<String>,
}

/// All that is planted in the place with this number.
pub(crate) fn plants(place: usize, form: Form) -> Vec<Planted> {
    let number = |number: usize| format!("near{place:03}of{number:03}x");
    let all = secrets(place as u64).into_iter();
    let all = all.filter(|it| it.marker.len() >= SHORTEST);
    let all = all.filter_map(|secret| {
        let text = form.write(&secret.text(), &secret.secret, secret.before == "got ")?;
        Some((secret, text))
    });
    let all: Vec<_> = all.collect();
    // Where few kinds fit, all of them.
    let share = if all.len() < 60 * SHARE { 1 } else { SHARE };
    let chosen = all.into_iter().skip(place % share).step_by(share);
    let secrets = chosen.enumerate().map(|(index, (secret, text))| {
        let word = number(index);
        Planted {
            kind: Some(secret.kind),
            text: form.beside(&word, &text),
            word,
            pieces: pieces(&secret.marker),
            secret: secret.secret,
        }
    });
    let lines = harmless().filter(|line| line.len() <= LONGEST_HARMLESS);
    let lines = lines.skip(place % 8).step_by(8);
    let lines = lines.filter_map(|line| form.write(line, line, true));
    let lines = lines.enumerate().map(|(index, line)| {
        let word = number(500 + index);
        Planted {
            kind: None,
            text: form.beside(&word, &line),
            word,
            pieces: Vec::new(),
            secret: line,
        }
    });
    secrets.chain(lines).collect()
}

/// How many kinds of secret there are to plant.
pub(crate) fn kinds() -> usize {
    let all = secrets(0).into_iter();
    all.filter(|it| it.marker.len() >= SHORTEST).count()
}

fn pieces(marker: &str) -> Vec<String> {
    match marker.len() {
        long if long > PIECE && marker.is_ascii() => {
            vec![
                marker[..PIECE].to_owned(),
                marker[long - PIECE..].to_owned(),
            ]
        }
        _ => vec![marker.to_owned()],
    }
}

impl Form {
    /// A text in this form, if it has one.
    fn write(self, text: &str, alone: &str, has_own_form: bool) -> Option<String> {
        match self {
            Self::Text => Some(text.to_owned()),
            Self::Line => {
                let ends = text.replace("\r\n", "\\r\\n").replace('\n', "\\n");
                (!ends.contains(char::is_control)).then_some(ends)
            }
            Self::Name => {
                let fits = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
                (has_own_form && alone.len() < 200 && alone.chars().all(fits))
                    .then(|| alone.to_owned())
            }
        }
    }

    fn beside(self, word: &str, text: &str) -> String {
        match self {
            Self::Text | Self::Line => format!("{word} {text}"),
            Self::Name => format!("{word}/{text}"),
        }
    }
}

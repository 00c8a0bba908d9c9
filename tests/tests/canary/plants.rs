//! What is planted: secrets of all kinds and harmless lines, each with a word beside it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use mcp_telemetry_tests::needles::SHORTEST;
use telemetry_sanitizer::testing::{Secret, harmless, secrets};

use crate::place::{Form, Place};
use crate::world::percent;

/// A place gets one of so many kinds of secret.
const SHARE: usize = 3;

/// And one of so many harmless lines.
const HARMLESS_SHARE: usize = 16;

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

/// All that is planted in the place with this number. Where the switch makes no difference, one
/// half with it and the other without.
pub(crate) fn plants(place: usize, row: &Place, send_pii: bool) -> Vec<Planted> {
    let form = row.form;
    let half = |number: &usize| row.gated || number % 2 == usize::from(send_pii);
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
    let chosen = chosen.enumerate().filter(|(index, _)| half(index));
    let secrets = chosen.map(|(index, (secret, text))| {
        let word = number(index);
        Planted {
            kind: Some(secret.kind),
            text: form.beside(&word, &text),
            word,
            pieces: pieces(&secret),
            secret: secret.secret,
        }
    });
    // A harmless line under a secret's name is taken for a secret.
    let lines = harmless().filter(|line| form != Form::Named && line.len() <= LONGEST_HARMLESS);
    let lines = lines.skip(place % HARMLESS_SHARE).step_by(HARMLESS_SHARE);
    let lines = lines.filter_map(|line| form.write(line, line, true));
    let lines = lines.enumerate().filter(|(index, _)| half(index));
    let lines = lines.map(|(index, line)| {
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

/// What is looked for of a secret: its start and its end. The start of one that is encoded may
/// be that of others, and no secret.
fn pieces(secret: &Secret) -> Vec<String> {
    let marker = &secret.marker;
    if marker.len() <= PIECE || !marker.is_ascii() {
        return vec![marker.clone()];
    }
    let ends = [&marker[..PIECE], &marker[marker.len() - PIECE..]];
    let is_own = |piece: &&str| !COMMON.contains(*piece);
    ends.into_iter().filter(is_own).map(str::to_owned).collect()
}

/// Pieces that secrets of other seeds have too.
static COMMON: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let ends = |seed| {
        let long = secrets(seed).into_iter().map(|it| it.marker);
        let long = long.filter(|it| it.len() > PIECE && it.is_ascii());
        long.flat_map(|it| [it[..PIECE].to_owned(), it[it.len() - PIECE..].to_owned()])
            .collect::<BTreeSet<_>>()
    };
    &ends(1_000_000) & &ends(1_000_001)
});

impl Form {
    /// A text in this form, if it has one. `alone` is the secret without what gives it away.
    fn write(self, text: &str, alone: &str, has_own_form: bool) -> Option<String> {
        let is_line = |text: &str| text.is_ascii() && !text.contains(char::is_control);
        let as_line = || text.replace("\r\n", "\\r\\n").replace('\n', "\\n");
        match self {
            Self::Text | Self::Named => Some(text.to_owned()),
            Self::Brief => (text.len() <= 150).then(|| text.to_owned()),
            Self::InUrl => (percent(text).len() <= 200).then(|| text.to_owned()),
            Self::Line => Some(as_line()).filter(|text| is_line(text)),
            Self::Member => {
                let member = as_line().replace('=', "%3D");
                (is_line(&member) && !member.contains(',')).then_some(member)
            }
            Self::Name => {
                let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
                let fits = has_own_form && alone.len() <= 200 && alone.chars().all(fits);
                fits.then(|| alone.to_owned())
            }
            Self::Word => {
                let first = text.split_whitespace().next().unwrap_or_default();
                let word = if has_own_form { alone } else { first };
                let fits = |c: char| c.is_ascii_graphic() && c != ',';
                let fits = word.len() <= 50 && word.contains(alone) && word.chars().all(fits);
                fits.then(|| word.to_owned())
            }
        }
    }

    fn beside(self, word: &str, text: &str) -> String {
        match self {
            Self::Name | Self::Word => format!("{word}/{text}"),
            _ => format!("{word} {text}"),
        }
    }
}

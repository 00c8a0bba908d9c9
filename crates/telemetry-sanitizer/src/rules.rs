//! Where the rules start: their anchors.

use crate::anchor::{Anchor, Next};
use crate::keys::Keys;
use crate::shapes::SHAPES;
use crate::words::{INSIDE, STRONG, WEAK};

/// What to try where an anchor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Key,
    Scheme,
    Url,
    UserFlag,
    PrivateKey,
    InnerAnchor,
    /// Base64 of something with a secret in it.
    Base64,
    /// An escape: the text is looked at again without them.
    Escape,
    /// Index in [`SHAPES`].
    Token(usize),
}

/// Anchors besides those of keys and tokens.
const ANCHORS: &[Anchor<'static, Rule>] = &[
    Anchor::new(b"bearer", Next::Blank, Rule::Scheme),
    Anchor::new(b"basic", Next::Blank, Rule::Scheme),
    Anchor::new(b"splunk ", Next::Any, Rule::Scheme),
    Anchor::new(b"splunk\t", Next::Any, Rule::Scheme),
    Anchor::new(b"negotiate", Next::Blank, Rule::Scheme),
    Anchor::new(b"ntlm", Next::Blank, Rule::Scheme),
    Anchor::new(b"://", Next::Any, Rule::Url),
    Anchor::new(b"--user", Next::Any, Rule::UserFlag),
    Anchor::new(b"--proxy-user", Next::Any, Rule::UserFlag),
    Anchor {
        literal: b" -u ",
        lead: 1,
        next: Next::Any,
        rule: Rule::UserFlag,
    },
    Anchor {
        literal: b"\"-u ",
        lead: 1,
        next: Next::Any,
        rule: Rule::UserFlag,
    },
    Anchor {
        literal: b"'-u ",
        lead: 1,
        next: Next::Any,
        rule: Rule::UserFlag,
    },
    Anchor {
        literal: b"\n-u ",
        lead: 1,
        next: Next::Any,
        rule: Rule::UserFlag,
    },
    Anchor::new(b"BEGIN ", Next::Name, Rule::PrivateKey),
    // Telegram, Azure AD, Mailchimp.
    Anchor::new(b":AA", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"0Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"1Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"2Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"3Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"4Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"5Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"6Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"7Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"8Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"9Q~", Next::Name, Rule::InnerAnchor),
    Anchor::new(b"-us1", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"-us2", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"-us3", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"-us4", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"-us5", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"-us6", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"-us7", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"-us8", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"-us9", Next::Any, Rule::InnerAnchor),
    // Keys of Azure's services.
    Anchor::new(b"+ASt", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"+ABa", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"+AMC", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"ACDb", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"+ASb", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"+AEh", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"+ARm", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"AIoT", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"AZEG", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"AzCa", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"AzFu", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"AzSe", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"+ACR", Next::Any, Rule::InnerAnchor),
    Anchor::new(b"AZDO", Next::Any, Rule::InnerAnchor),
    // JSON, PEM, and "password", "secret" and "token" at each of three offsets.
    Anchor::new(b"ewog", Next::Any, Rule::Base64),
    Anchor::new(b"ewoJ", Next::Any, Rule::Base64),
    Anchor::new(b"ew0K", Next::Any, Rule::Base64),
    Anchor::new(b"eyAi", Next::Any, Rule::Base64),
    Anchor::new(b"W3si", Next::Any, Rule::Base64),
    Anchor::new(b"LS0tLS1CRUdJTi", Next::Any, Rule::Base64),
    Anchor::new(b"cGFzc3dvcm", Next::Any, Rule::Base64),
    Anchor::new(b"Bhc3N3b3Jk", Next::Any, Rule::Base64),
    Anchor::new(b"wYXNzd29yZ", Next::Any, Rule::Base64),
    Anchor::new(b"c2VjcmV0", Next::Any, Rule::Base64),
    Anchor::new(b"NlY3Jld", Next::Any, Rule::Base64),
    Anchor::new(b"zZWNyZX", Next::Any, Rule::Base64),
    Anchor::new(b"dG9rZW", Next::Any, Rule::Base64),
    Anchor::new(b"Rva2Vu", Next::Any, Rule::Base64),
    Anchor::new(b"0b2tlb", Next::Any, Rule::Base64),
    // The words of `TIED` with a blank.
    Anchor::new(b"creds =", Next::Any, Rule::Key),
    Anchor::new(b"cvc =", Next::Any, Rule::Key),
    Anchor::new(b"dsn =", Next::Any, Rule::Key),
    Anchor::new(b"otp =", Next::Any, Rule::Key),
    Anchor::new(b"psk =", Next::Any, Rule::Key),
    Anchor::new(b"sig =", Next::Any, Rule::Key),
    Anchor::new(b"sso =", Next::Any, Rule::Key),
    // Separators, quotes and blanks as they are written in URLs, JSON and XML.
    Anchor::new(b"%2", Next::Any, Rule::Escape),
    Anchor::new(b"%3", Next::Any, Rule::Escape),
    Anchor::new(b"%4", Next::Any, Rule::Escape),
    Anchor::new(b"%5", Next::Any, Rule::Escape),
    Anchor::new(b"%7", Next::Any, Rule::Escape),
    Anchor::new(b"\\u00", Next::Any, Rule::Escape),
    Anchor::new(b"\\u{1b}", Next::Any, Rule::Escape),
    Anchor::new(b"&quot;", Next::Any, Rule::Escape),
    Anchor::new(b"&apos;", Next::Any, Rule::Escape),
    Anchor::new(b"&lt;", Next::Any, Rule::Escape),
    Anchor::new(b"&#34;", Next::Any, Rule::Escape),
    Anchor::new(b"&#39;", Next::Any, Rule::Escape),
    Anchor::new(b"&#x22;", Next::Any, Rule::Escape),
    Anchor::new(b"&#x27;", Next::Any, Rule::Escape),
];

/// Words whose last two letters are common in prose: in free text, an end of the name must follow (`sso=`, `sig_x`).
const TIED: &[&str] = &["creds", "cvc", "dsn", "otp", "psk", "sig", "sso"];

/// The anchors of all rules, for free text.
pub(crate) fn in_text<'a>(words: &'a [&'a str]) -> impl Iterator<Item = Anchor<'a, Rule>> {
    let of_words = words.iter().map(|word| {
        let next = if TIED.contains(word) {
            Next::Tie
        } else {
            Next::Any
        };
        Anchor::new(word.as_bytes(), next, Rule::Key)
    });
    let of_tokens = SHAPES
        .iter()
        .enumerate()
        .map(|(i, shape)| Anchor::new(shape.prefix.as_bytes(), shape.next(), Rule::Token(i)));
    of_words.chain(ANCHORS.iter().copied()).chain(of_tokens)
}

/// The anchors of sensitive keys, for keys.
pub(crate) fn in_keys<'a>(words: &'a [&'a str]) -> impl Iterator<Item = Anchor<'a, ()>> {
    words.iter().map(|word| {
        let next = if TIED.contains(word) {
            Next::TieOrEnd
        } else {
            Next::Any
        };
        Anchor::new(word.as_bytes(), next, ())
    })
}

/// The words by which sensitive keys are found, without those that contain another one.
pub(crate) fn key_words(keys: &Keys) -> Vec<&str> {
    let mut words: Vec<&str> = INSIDE.iter().chain(STRONG).chain(WEAK).copied().collect();
    words.extend([
        "key",
        "sig",
        "amz-sig",
        "goog-sig",
        "splunkd_",
        "session_id_",
    ]);
    words.extend(keys.added_words());
    words.sort_by_key(|word| word.len());
    let mut kept: Vec<&str> = Vec::new();
    for word in words {
        if !kept.iter().any(|k| word.contains(k) && !TIED.contains(k)) {
            kept.push(word);
        }
    }
    kept
}

//! Values of sensitive keys in free text: `password=x`, `"token": "x"`, `<sessionKey>x</sessionKey>`, `--password x`.

use std::ops::Range;

use crate::MARKER;
use crate::bytes::{
    at, before, escape_before, find, has, has_ignoring_case, is_blank, is_end, is_name, is_quote,
    looks_random, skip, skip_back, skip_blanks,
};
use crate::keys::{Class, Keys};
use crate::network::known_scheme;
use crate::value::{balanced, closing_quote, is_marked, is_placeholder, unquoted, unwrap};

/// What replaces a value that stands without quotes behind a JSON key, so that the JSON stays valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) range: Range<usize>,
    /// The quote to set around the marker: so many backslashes, then `"`.
    pub(crate) quote: Option<usize>,
}

impl Found {
    pub(crate) fn plain(range: Range<usize>) -> Self {
        Self { range, quote: None }
    }
}

/// How a key is tied to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tie {
    /// `=`, `!=`, `:=`, `=>`, `LIKE`, `IN`
    Equals,
    /// `:`
    Colon,
    /// `<key>value</key>`
    Xml,
    /// `("key", "value")`
    Tuple,
    /// `Key("value")`
    Call,
    /// `--key value`
    Flag,
}

#[derive(Debug)]
struct Separator {
    tie: Tie,
    /// Where the value may start, blanks included.
    end: usize,
    /// Whether blanks stand before the separator.
    spaced: bool,
    /// Backslashes before the quote that closes the key, when it is in double quotes.
    json: Option<usize>,
}

/// The value of the key that the word at `anchor` belongs to. Names that end before `settled` have been judged; it is moved on.
pub(crate) fn assignment(
    text: &str,
    anchor: usize,
    floor: usize,
    settled: &mut usize,
    keys: &Keys,
) -> Option<Found> {
    let b = text.as_bytes();
    if anchor < *settled {
        return None;
    }
    let start = skip_back(b, anchor, floor.max(*settled), is_name);
    let end = skip(b, anchor, is_name);
    *settled = end;
    // Cheap before dear: few names are followed by a separator.
    let key_start = skip(b, start, |c| !c.is_ascii_alphanumeric());
    let separator = separator(b, start, key_start, end)?;
    let key = text.get(key_start..end)?;
    let class = match behind_escape(b, start, end) {
        Some(inner) => keys.class(key).max(keys.class(text.get(inner..end)?)),
        None => keys.class(key),
    };
    if class == Class::Clean {
        return None;
    }
    value(text, key, class, &separator, keys)
}

/// Where the name goes on behind the escape that reaches into it: `\nauth` is `auth` in a new line, `%26auth` behind an `&`.
fn behind_escape(b: &[u8], start: usize, end: usize) -> Option<usize> {
    const LONGEST: usize = 5;
    if !matches!(before(b, start), b'\\' | b'%' | b'[' | b';') {
        return None;
    }
    (1..=LONGEST)
        .filter(|n| start + n < end && escape_before(b, start + n) > *n)
        .max()
        .map(|n| start + n)
}

fn separator(b: &[u8], start: usize, key: usize, end: usize) -> Option<Separator> {
    // Quotes and brackets that close the key: `"key"`, `\"key\"`, `['key']`.
    let (mut i, mut json, mut quoted) = (end, None, false);
    for _ in 0..3 {
        let quote = skip(b, i, |c| c == b'\\');
        if is_quote(at(b, quote)) {
            if at(b, quote) == b'"' && !quoted {
                json = Some(quote - i);
            }
            quoted = true;
            i = quote + 1;
        } else if at(b, i) == b']' {
            i += 1;
        } else {
            break;
        }
    }
    let j = skip_blanks(b, i);
    let outside = before(b, start);
    let make = |tie, end| {
        Some(Separator {
            tie,
            end,
            spaced: j > i && is_blank(at(b, i)),
            json,
        })
    };
    match (at(b, j), at(b, j + 1)) {
        (b'=', _) => make(Tie::Equals, skip(b, j, |c| matches!(c, b'=' | b'>' | b'~'))),
        (b'!' | b':', b'=') => make(Tie::Equals, skip(b, j + 1, |c| c == b'=')),
        (b':', b':') => None,
        (b':', b'/') if at(b, j + 2) == b'/' => None,
        // A module path or a file: `app::token: refreshed`, `/oauth/token: 401`.
        (b':', _) if !quoted && outside == b':' && before(b, start.saturating_sub(1)) == b':' => {
            None
        }
        (b':', _) if !quoted && outside == b'/' => None,
        (b':', _) => make(Tie::Colon, j + 1),
        (b'>', _) if quoted || matches!(outside, b'<' | b':') => make(Tie::Xml, j + 1),
        (b'-', b'>') => make(Tie::Equals, j + 2),
        (b',', _) if quoted && opens_tuple(b, start) => make(Tie::Tuple, j + 1),
        (b',', _) if quoted && json.is_some() => {
            value_member(b, j + 1).and_then(|v| make(Tie::Colon, v))
        }
        (b'(', c) if j == end && at(b, key).is_ascii_uppercase() && (is_quote(c) || c == b'\\') => {
            make(Tie::Call, j + 1)
        }
        (b'v', _) if quoted && has(b, j, b"value=") => make(Tie::Equals, j + 6),
        _ if j > i && outside == b'<' => {
            // Attributes of an XML element.
            const ATTRIBUTES: usize = 256;
            let close = skip(b.get(..(j + ATTRIBUTES).min(b.len()))?, j, |c| {
                c != b'>' && c != b'<'
            });
            (at(b, close) == b'>' && before(b, close) != b'/')
                .then_some(close + 1)
                .and_then(|v| make(Tie::Xml, v))
        }
        _ if j > i && has_ignoring_case(b, j, b"in") && at(b, skip(b, j + 2, is_blank)) == b'(' => {
            make(Tie::Equals, j + 2)
        }
        _ if j > i
            && has_ignoring_case(b, j, b"like ")
            && is_quote(at(b, skip(b, j + 5, is_blank))) =>
        {
            make(Tie::Equals, j + 5)
        }
        (c, _) if j > i && !is_end(c) && c != b'-' && is_flag(b, start, key) => make(Tie::Flag, j),
        _ => None,
    }
}

/// Whether the quote before the key stands behind an opening parenthesis.
fn opens_tuple(b: &[u8], start: usize) -> bool {
    let quote = start.saturating_sub(1);
    let open = skip_back(b, quote, quote.saturating_sub(8), |c| c == b'\\');
    is_quote(at(b, quote)) && before(b, open) == b'('
}

/// Behind `"value":`, which follows `"name":"password",`.
fn value_member(b: &[u8], comma: usize) -> Option<usize> {
    let quote = |i| {
        let quote = skip(b, i, |c| c == b'\\');
        (at(b, quote) == b'"').then_some(quote + 1)
    };
    let name = quote(skip(b, comma, |c| is_blank(c) || c == b'\n' || c == b'\r'))?;
    if !has(b, name, b"value") {
        return None;
    }
    let colon = skip(b, quote(name + 5)?, is_blank);
    (at(b, colon) == b':').then_some(colon + 1)
}

fn is_flag(b: &[u8], start: usize, key: usize) -> bool {
    let dashes = key - start;
    let outside = before(b, start);
    (dashes == 1 || dashes == 2) && at(b, start) == b'-' && (is_end(outside) || is_quote(outside))
}

fn value(text: &str, key: &str, class: Class, separator: &Separator, keys: &Keys) -> Option<Found> {
    let b = text.as_bytes();
    let Separator {
        tie,
        end,
        spaced,
        json,
    } = *separator;
    let mut v = skip_blanks(b, end);
    let gap = v > end && is_blank(at(b, end));
    if tie == Tie::Xml {
        return xml(b, v);
    }
    v = unwrap(b, v);
    let opening = at(b, v);
    let slashes = skip(b, v, |c| c == b'\\');
    if is_quote(at(b, slashes)) {
        return quoted(b, class, slashes, slashes - v).map(Found::plain);
    }
    let whole = |range: Range<usize>| {
        Some(Found {
            range,
            quote: json.filter(|_| tie == Tie::Colon),
        })
    };
    if matches!(opening, b'[' | b'{' | b'(') && class != Class::Long {
        let range = v..balanced(b, v);
        return if is_placeholder(b.get(range.clone())?) {
            None
        } else {
            whole(range)
        };
    }
    if is_marked(b, v) || matches!(tie, Tie::Tuple | Tie::Call) {
        return None;
    }
    let mut end = unquoted(b, v);
    let word = b.get(v..end)?;
    let literal = ["true", "false", "null", "none", "nil", "undefined"]
        .iter()
        .any(|l| word.eq_ignore_ascii_case(l.as_bytes()));
    if word.is_empty() || literal || is_placeholder(word) {
        return None;
    }
    if let Some(parameters) = known_scheme(word).filter(|_| is_blank(at(b, end))) {
        return credential(b, skip(b, end, is_blank), parameters);
    }
    // `password= user=bob` is an empty value and the next field.
    if tie == Tie::Equals && gap && !spaced && is_field(b, v) {
        return None;
    }
    let is_cookie = ends_with(key, "cookie") || ends_with(key, "cookies");
    // `error: token: abc`: the next key has a value of its own.
    let name = skip(b, v, is_name);
    let is_key = gap
        && !is_cookie
        && matches!(at(b, name), b':' | b'=')
        && text
            .get(v..name)
            .is_some_and(|k| keys.class(k) != Class::Clean);
    if is_key {
        return None;
    }
    let prose = match class {
        Class::Long => word.len() < 16,
        Class::Weak => tie == Tie::Colon && json.is_none() && !looks_random(word),
        _ => false,
    };
    if prose {
        return None;
    }
    if ends_with(key, "authorization") {
        // An unknown scheme and its credential.
        let next = skip(b, end, is_blank);
        let next_end = unquoted(b, next);
        if next > end
            && !word.contains(&b'=')
            && looks_random(b.get(next..next_end)?)
            && !is_field(b, next)
        {
            end = next_end;
        }
    } else if is_cookie {
        while at(b, end) == b';' {
            let next = skip(b, end + 1, is_blank);
            let next_end = unquoted(b, next);
            if next_end == next {
                break;
            }
            end = next_end;
        }
    }
    whole(v..end)
}

fn ends_with(key: &str, word: &str) -> bool {
    key.len()
        .checked_sub(word.len())
        .and_then(|i| key.get(i..))
        .is_some_and(|end| end.eq_ignore_ascii_case(word))
}

/// Whether a name and `=` with a value stand at `i`.
fn is_field(b: &[u8], i: usize) -> bool {
    const NAME: usize = 64;
    let end = skip(
        b.get(..(i + NAME).min(b.len())).unwrap_or_default(),
        i,
        is_name,
    );
    end > i && at(b, end) == b'=' && !is_end(at(b, end + 1)) && at(b, end + 1) != b'='
}

/// What stands behind a scheme that is kept: `Bearer ` in `Authorization: Bearer abc`.
fn credential(b: &[u8], start: usize, parameters: bool) -> Option<Found> {
    if is_marked(b, start) {
        return None;
    }
    let end = if parameters {
        skip(b, start, |c| !matches!(c, b'\n' | b'\r'))
    } else {
        unquoted(b, start)
    };
    (end > start).then(|| Found::plain(start..end))
}

fn xml(b: &[u8], start: usize) -> Option<Found> {
    const CDATA: &[u8] = b"<![CDATA[";
    if is_marked(b, start) {
        return None;
    }
    let (start, end) = if has(b, start, CDATA) {
        (
            start + CDATA.len(),
            find(b, start, b"]]>").unwrap_or(b.len()),
        )
    } else {
        (start, skip(b, start, |c| c != b'<'))
    };
    let content = b.get(start..end)?;
    let harmless = content.iter().all(|c| is_end(*c))
        || content == MARKER.as_bytes()
        || is_placeholder(content);
    (!harmless).then(|| Found::plain(start..end))
}

/// The content of the quotes that open at `quote` behind `slashes` backslashes.
fn quoted(b: &[u8], class: Class, quote: usize, slashes: usize) -> Option<Range<usize>> {
    let mut start = quote + 1;
    if class == Class::Long {
        let short = b
            .get(start..start + 16)?
            .iter()
            .any(|c| is_end(*c) || is_quote(*c));
        if short {
            return None;
        }
    }
    let end = closing_quote(b, start, quote, slashes);
    let scheme = skip(b.get(..(start + 24).min(end))?, start, |c| {
        c.is_ascii_alphanumeric() || c == b'-'
    });
    if is_blank(at(b, scheme)) && scheme < end && known_scheme(b.get(start..scheme)?).is_some() {
        start = skip(b, scheme, is_blank).min(end);
    }
    let content = b.get(start..end)?;
    let harmless = content.is_empty() || content == MARKER.as_bytes() || is_placeholder(content);
    (!harmless).then_some(start..end)
}

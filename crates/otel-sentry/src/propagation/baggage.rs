//! The W3C `baggage` header, read and written within its limits.
//!
//! Source: W3C "Propagation format for distributed context: Baggage", sections 3.2 and 3.3. The
//! header is a list of `key=value;property;property` with percent-encoded values.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// The header's limit in bytes.
pub(crate) const MAX_BYTES: usize = 8_192;
/// The header's limit in entries.
pub(crate) const MAX_ENTRIES: usize = 64;
/// What a value may not hold as it is, and the percent sign itself.
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b',')
    .add(b';')
    .add(b'=')
    .add(b'@')
    .add(b'\\');

/// One entry of the header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// As written.
    pub(crate) key: &'a str,
    /// Percent-decoded.
    pub(crate) value: String,
    /// The properties behind the value, as written.
    pub(crate) properties: &'a str,
}

/// The well-formed entries of `baggage` headers, within the limits over all of them.
pub(crate) fn entries<'a>(
    headers: impl IntoIterator<Item = &'a str>,
) -> impl Iterator<Item = Entry<'a>> {
    let mut room = MAX_BYTES;
    headers
        .into_iter()
        .flat_map(|header| header.split(','))
        .take_while(move |member| {
            let fits = member.len() <= room;
            room = room.saturating_sub(member.len() + 1);
            fits
        })
        .filter_map(entry)
        .take(MAX_ENTRIES)
}

fn entry(member: &str) -> Option<Entry<'_>> {
    let (pair, properties) = member.split_once(';').unwrap_or((member, ""));
    let (key, value) = pair.split_once('=')?;
    let key = key.trim();
    if key.is_empty() || !key.bytes().all(is_token) {
        return None;
    }
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    Some(Entry {
        key,
        value: value.into_owned(),
        properties: properties.trim(),
    })
}

/// A character of RFC 7230's `token`.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether `text` can stand behind a value as its properties.
pub(crate) fn are_properties(text: &str) -> bool {
    text.bytes()
        .all(|byte| (b' '..=b'~').contains(&byte) && byte != b',')
}

/// Appends `text`, percent-encoded, to `header`.
pub(crate) fn encode(text: &str, header: &mut String) {
    header.extend(utf8_percent_encode(text, RESERVED));
}

/// Builds a header of whole entries within the limits.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    header: String,
    entries: usize,
}

impl Builder {
    /// Adds an entry that is encoded already, unless it does not fit.
    pub(crate) fn add(&mut self, entry: &str) {
        if entry.is_empty()
            || self.entries >= MAX_ENTRIES
            || self.header.len() + entry.len() + 1 > MAX_BYTES
        {
            return;
        }
        if !self.header.is_empty() {
            self.header.push(',');
        }
        self.header.push_str(entry);
        self.entries += 1;
    }

    /// The header; `None` without an entry.
    pub(crate) fn finish(self) -> Option<String> {
        (!self.header.is_empty()).then_some(self.header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(header: &str) -> Vec<(&str, String, &str)> {
        entries([header])
            .map(|entry| (entry.key, entry.value, entry.properties))
            .collect()
    }

    #[test]
    fn entries_table() {
        for (header, expected) in [
            ("", vec![]),
            ("a=1", vec![("a", "1", "")]),
            (
                " a = 1 , b=2;p;q=r ",
                vec![("a", "1", ""), ("b", "2", "p;q=r")],
            ),
            ("a=", vec![("a", "", "")]),
            ("a=b=c", vec![("a", "b=c", "")]),
            ("a=%20x%2C", vec![("a", " x,", "")]),
            ("a=100%", vec![("a", "100%", "")]),
            ("=1,a,,;,ü=1,a b=1,b=2", vec![("b", "2", "")]),
            ("a=%C3%28,b=2", vec![("b", "2", "")]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(key, value, properties)| (key, value.to_owned(), properties))
                .collect();
            assert_eq!(read(header), expected, "{header}");
        }
    }

    #[test]
    fn reading_is_bounded() {
        let many = vec!["a=1"; 1_000].join(",");
        assert_eq!(read(&many).len(), MAX_ENTRIES);
        let long = format!("a={},b=2,c={}", "x".repeat(4_000), "y".repeat(6_000));
        let keys: Vec<_> = entries([long.as_str()]).map(|entry| entry.key).collect();
        assert_eq!(keys, ["a", "b"], "what ends beyond the limit is left out");
        let exact = format!("a={}", "x".repeat(MAX_BYTES - 2));
        assert_eq!(read(&exact).len(), 1);
        assert_eq!(read(&format!("{exact}x")).len(), 0);
        let split = ["a=1", exact.as_str(), "b=2"];
        assert_eq!(
            entries(split).count(),
            1,
            "the limit is one over all headers"
        );
    }

    #[test]
    fn writing_is_bounded() {
        let mut builder = Builder::default();
        (0..100).for_each(|n| builder.add(&format!("k{n}=1")));
        let header = builder.finish().unwrap();
        assert_eq!(header.split(',').count(), MAX_ENTRIES);

        let mut builder = Builder::default();
        builder.add(&format!("a={}", "x".repeat(5_000)));
        builder.add(&format!("b={}", "y".repeat(5_000)));
        builder.add("c=1");
        let header = builder.finish().unwrap();
        assert!(header.len() <= MAX_BYTES && header.ends_with(",c=1"));

        assert_eq!(Builder::default().finish(), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics_and_what_is_read_is_bounded(header in any::<String>()) {
            let total: usize = entries([header.as_str()])
                .map(|entry| entry.key.len() + entry.value.len() + entry.properties.len())
                .sum();
            prop_assert!(total <= header.len());
        }

        #[test]
        fn values_survive(value in any::<String>()) {
            let mut header = "k=".to_owned();
            encode(&value, &mut header);
            prop_assert_eq!(read(&header), vec![("k", value, "")]);
        }
    }
}

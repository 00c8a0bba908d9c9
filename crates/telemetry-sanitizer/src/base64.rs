//! Base64: where it ends, and what it says.

use std::ops::Range;

use crate::bytes::{at, escape_before, has, is_blank, skip, skip_back};

/// Longest run that is decoded at once.
const LONGEST: usize = 64 * 1024;
/// So far back from a sign a run may start.
const BACK: usize = 4096;
/// Shortest line behind which a run goes on in the next line.
const LINE: usize = 60;
/// Shortest run that can hold a key and a value.
const SHORTEST: usize = 16;

/// Starts of what is encoded as a whole: JSON, PEM.
const STARTS: &[&[u8]] = &[
    b"ewog",
    b"ewoJ",
    b"ew0K",
    b"eyAi",
    b"W3si",
    b"LS0tLS1CRUdJTi",
];
/// `password`, `secret` and `token` with their offsets in a group of four characters.
const WORDS: &[(&[u8], usize)] = &[
    (b"cGFzc3dvcm", 0),
    (b"Bhc3N3b3Jk", 2),
    (b"wYXNzd29yZ", 3),
    (b"c2VjcmV0", 0),
    (b"NlY3Jld", 2),
    (b"zZWNyZX", 3),
    (b"dG9rZW", 0),
    (b"Rva2Vu", 2),
    (b"0b2tlb", 3),
];

/// The run of base64 in which the sign at `start` stands, of whole groups from its start on. Signs before `done` have been
/// looked at; it is moved on.
pub(crate) fn run(b: &[u8], start: usize, floor: usize, done: &mut usize) -> Option<Range<usize>> {
    if start < *done {
        return None;
    }
    let first = if STARTS.iter().any(|s| has(b, start, s)) {
        let free = start == 0 || !is_base64(at(b, start - 1)) || escape_before(b, start) > 0;
        free.then_some(start)?
    } else {
        let (_, offset) = WORDS.iter().find(|(word, _)| has(b, start, word))?;
        let floor = floor.max(*done).max(start.saturating_sub(BACK));
        let first = skip_back(b, start, floor, is_base64);
        // The sign tells where groups begin.
        let group = start.checked_sub(*offset).filter(|group| *group >= first)?;
        first + (group - first) % 4
    };
    let end = end_of_run(b, start);
    *done = end;
    (end - first >= SHORTEST).then_some(first..end)
}

/// Where the run ends. Long lines go on in the next one.
fn end_of_run(b: &[u8], start: usize) -> usize {
    let limit = (start + LONGEST).min(b.len());
    let b = b.get(..limit).unwrap_or(b);
    let mut line = start;
    loop {
        let end = skip(b, line, is_base64);
        let padded = skip(b, end, |c| c == b'=');
        let next = skip(b, line_end(b, end), is_blank);
        let goes_on = padded == end
            && end - line >= LINE
            && next > end
            && !is_blank(at(b, end))
            && is_base64(at(b, next));
        if !goes_on {
            return padded;
        }
        line = next;
    }
}

/// Behind a line's end, escaped or not, or `i` where there is none.
fn line_end(b: &[u8], i: usize) -> usize {
    let one = |i: usize| match (at(b, i), at(b, i + 1)) {
        (b'\n' | b'\r', _) => i + 1,
        (b'\\', b'n' | b'r') => i + 2,
        _ => i,
    };
    one(one(i))
}

/// The text that `run` stands for, as far as it is one. White space and line ends are passed over, both alphabets are read.
pub(crate) fn decoded(run: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(run.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    let mut i = 0;
    while i < run.len() {
        let c = at(run, i);
        i += 1;
        if c == b'\\' {
            i += 1;
            continue;
        }
        let Some(value) = value(c) else { continue };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn value(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn is_base64(c: u8) -> bool {
    value(c).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(&str, String)> {
        let range = (0..text.len()).find_map(|i| run(text.as_bytes(), i, 0, &mut 0))?;
        let run = &text[range];
        Some((run, decoded(run.as_bytes())))
    }

    #[test]
    fn a_sign_is_read_at_every_offset() {
        for (text, inside) in [
            ("cGFzc3dvcmQ9aHVudGVyMg==", "password=hunter2"),
            ("dT0xJnBhc3N3b3JkPWh1bnRlcjI=", "u=1&password=hunter2"),
            ("YWI9MSZwYXNzd29yZD1odW50ZXIy", "ab=1&password=hunter2"),
            ("YT0xJnNlY3JldD1odW50ZXIy", "a=1&secret=hunter2"),
            ("eyAicGFzc3dvcmQiOiAieCIgfQ==", "{ \"password\": \"x\" }"),
        ] {
            assert_eq!(found(text), Some((text, inside.to_owned())));
            let around = format!("x={text}&y");
            assert_eq!(found(&around).map(|(run, _)| run), Some(text));
        }
    }

    #[test]
    fn long_lines_go_on() {
        let line = "LS0tLS1CRUdJTi".to_owned() + &"A".repeat(50);
        for end in ["\n", "\r\n", "\\n", "\n    "] {
            let text = format!("{line}{end}{line}{end}QUJD= more");
            let all = format!("{line}{end}{line}{end}QUJD=");
            assert_eq!(found(&text).map(|(run, _)| run), Some(all.as_str()));
        }
        let text = format!("{line} more");
        assert_eq!(found(&text).map(|(run, _)| run), Some(line.as_str()));
    }

    #[test]
    fn words_that_only_look_so_stay() {
        for text in ["W3si", "xW3siAAAAAAAAAAAAAAAAA", "a dG9rZW b", ""] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}

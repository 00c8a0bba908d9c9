//! Work grows with the text and not faster: counted in bytes read, not in time.

use serde_json::{Value, json};

use crate::Sanitizer;
use crate::bytes::work;

/// Bytes read per byte of text, for texts of 8 KiB and 64 KiB made of `piece`.
fn ratios(piece: &str) -> [u64; 2] {
    let sanitizer = Sanitizer::builder()
        .max_value_len(usize::MAX / 8)
        .redact_emails(true)
        .build();
    [1 << 13, 1 << 16].map(|size: usize| {
        let text = piece.repeat(size / piece.len() + 1);
        work::take();
        let clean = sanitizer.text(&text).into_owned();
        let url = sanitizer.url(&text).len();
        assert!(!clean.is_empty() && url > 0);
        work::take() / (text.len() as u64)
    })
}

#[test]
fn work_is_linear_in_hostile_texts() {
    for piece in [
        "=",
        "eyJ",
        "eyJhbGciOiJ.",
        "password",
        "password=",
        "password ",
        "pass:",
        "token=a,",
        "token=a;b=",
        "secret=)",
        "secret=a)",
        "key\"",
        "key\\",
        "\\",
        "\"",
        "sig=\"",
        "sig=\\\"",
        "token='a",
        "token=\"",
        "token=[",
        "token={\"",
        "token=\\\"[",
        "auth ",
        "://",
        "://a@",
        "http://a:1?",
        "x://a:b?",
        "@",
        "a@",
        "a.b@c.d",
        "-u a:",
        "-u ",
        "--user ",
        "Bearer ",
        "Basic a",
        "basic/",
        "splunk ",
        "BEGIN PRIVATE KEY",
        "-----BEGIN PRIVATE KEY-----",
        "4111 ",
        "4111111111111111",
        "1111-",
        "9",
        "0Q~",
        ":AA",
        "12345678:AA",
        "sk-",
        "ghp_",
        "AKIA",
        "<key>",
        "<key a",
        "<password><",
        "cookie=a; ",
        "Authorization: ",
        "Some(",
        "token=Some(",
        "***",
        " ",
        "***REDACTED***",
        "token=***REDACTED***",
        "…(1 chars)",
        "é",
        "%3D",
        "key%3Da%26",
        "{\"token\":",
        "[[",
        "pass=\u{1}",
    ] {
        let [small, large] = ratios(piece);
        assert!(large <= 400, "{piece:?}: {large} bytes read per byte");
        assert!(
            large <= small * 2 + 8,
            "{piece:?}: {small} bytes read per byte, then {large}"
        );
    }
}

#[test]
fn a_text_is_read_to_its_cap_and_not_further() {
    let sanitizer = Sanitizer::builder().max_value_len(1000).build();
    for piece in ["word ", "password=x ", "eyJ "] {
        let text = piece.repeat(1 << 18);
        work::take();
        let got = sanitizer.text(&text);
        assert!(got.ends_with(&format!("…({} chars)", text.len())), "{got}");
        assert!(work::take() < 100_000, "{piece}");
    }
}

#[test]
fn many_keys_are_linear() {
    let sanitizer = Sanitizer::builder()
        .max_items(usize::MAX)
        .max_document_len(usize::MAX)
        .build();
    let work_for = |count: usize| {
        let mut value: Value = (0..count)
            .map(|i| (format!("api_key_{i}.name"), json!("token of x")))
            .collect();
        work::take();
        sanitizer.json(&mut value);
        assert_eq!(value.as_object().map(|o| o.len()), Some(count));
        work::take() / count as u64
    };
    let (small, large) = (work_for(1000), work_for(20_000));
    assert!(large <= small * 2, "{small} then {large}");
}

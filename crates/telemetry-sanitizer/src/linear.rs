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
        "{",
        "[",
        ":",
        "digits 0123456789 ",
        "12345678901234567890",
        "4111-1111-",
        "%",
        "%3",
        "%25",
        "%2525",
        "%22password%22%3A",
        "token%3D",
        "\\u0022",
        "\\u00",
        "\\n",
        "\\nauth=",
        "&quot;",
        "&quot;token&quot;:",
        "&lt;key&gt;",
        "\u{1b}[0m",
        "token\u{1b}[0m",
        "cGFzc3dvcm",
        "cGFzc3dvcmQ9aHVudGVyMg==",
        "dG9rZW",
        "Rva2Vu",
        "ewog",
        "ewog ",
        "W3si",
        "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaacGFzc3dvcm\n",
        "+ASt",
        "AIoT",
        "-us1",
        "0123456789abcdef0123456789abcdef-us1",
        "$2b$",
        "$6$",
        "$argon2",
        "{SSHA",
        "sk-proj-",
        "sk-a-",
        "\"password\",",
        "\"password\",\"value\":",
        "name\",\"value\":\"",
        "\u{0}",
        "\u{fffd}",
        "日本語",
        "\u{202e}",
    ] {
        let [small, large] = ratios(piece);
        assert!(large <= 400, "{piece:?}: {large} bytes read per byte");
        assert!(
            large <= small * 2 + 8,
            "{piece:?}: {small} bytes read per byte, then {large}"
        );
    }
}

/// What a megabyte of a single byte or a few costs.
#[test]
fn a_megabyte_costs_so_many_bytes_read_for_each_of_its_bytes() {
    const MEGABYTE: usize = 1 << 20;
    let whole = Sanitizer::builder().max_value_len(usize::MAX / 8).build();
    let capped = Sanitizer::default();
    for piece in [
        "=", "{", "[", "\"", "\\", "eyJ", "7", "4", ":", "%", "&", "@", "/", " ", "\n", "\u{0}",
        "é",
    ] {
        let text = piece.repeat(MEGABYTE / piece.len());
        work::take();
        let clean = whole.text(&text);
        assert!(clean.len() <= text.len(), "{piece:?}");
        assert!(work::take() <= 64 * MEGABYTE as u64, "{piece:?}");
        for got in [
            capped.text(&text),
            capped.value("k", &text),
            capped.bytes(text.as_bytes()),
        ] {
            assert!(got.len() <= 8192 + 64, "{piece:?}: {}", got.len());
        }
        assert!(work::take() <= 64 * 4 * 8192 * 3, "{piece:?}");
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
    let (small, large) = (work_for(1000), work_for(100_000));
    assert!(large <= small * 2, "{small} then {large}");
}

#[test]
fn of_many_keys_only_those_kept_are_read() {
    let sanitizer = Sanitizer::default();
    let mut value: Value = (0..100_000)
        .map(|i| (format!("api_key_{i}"), json!("x")))
        .collect();
    work::take();
    sanitizer.json(&mut value);
    assert!(work::take() < 256 * 1000);
    assert_eq!(value.as_object().map(|o| o.len()), Some(256));
    assert_eq!(value["…"], "(100000 items)");
}

#[test]
fn a_document_deeper_than_the_stack_is_cut_and_dropped() {
    const DEPTH: usize = 400_000;
    // `json!` would go down by recursion.
    let wraps: [fn(Value) -> Value; 2] = [
        |v| Value::Array(vec![v]),
        |v| Value::Object([("a".to_owned(), v)].into_iter().collect()),
    ];
    for wrap in wraps {
        let sanitizer = Sanitizer::default();
        let deep = || (0..DEPTH).fold(json!("token=abc"), |inner, _| wrap(inner));
        let mut value = deep();
        sanitizer.json(&mut value);
        let text = value.to_string();
        assert!(text.contains('…') && !text.contains("abc"), "{text}");
        let mut secret = json!({});
        secret["password"] = deep();
        sanitizer.json(&mut secret);
        assert_eq!(secret, json!({"password": crate::MARKER}));
        let mut many = json!([]);
        for _ in 0..257 {
            many.as_array_mut().expect("an array").push(json!(null));
        }
        many.as_array_mut().expect("an array").push(deep());
        sanitizer.json(&mut many);
        assert_eq!(many.as_array().map(Vec::len), Some(256));
    }
}

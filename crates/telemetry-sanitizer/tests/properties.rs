//! What holds for any text.

use std::borrow::Cow;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;
use telemetry_sanitizer::{MARKER, Sanitizer};

/// Longest note behind a cut, and a marker that the cut may not divide.
const SLACK: usize = 64;

/// Pieces that the rules look for, in any order and any mixture.
const PIECES: &[&str] = &[
    "password",
    "token",
    "auth",
    "Authorization",
    "cookie",
    "secret",
    "pass",
    "sig",
    "pwd",
    "sessionKey",
    "splunkd_8089",
    "=",
    ":",
    ": ",
    " = ",
    "!=",
    "%3D",
    "%26",
    "=>",
    " ",
    "\n",
    "\t",
    "\"",
    "\\\"",
    "\\\\\\\"",
    "'",
    "`",
    "\\",
    "\\n",
    ",",
    ";",
    "&",
    "|",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<",
    ">",
    "</",
    "<password>",
    "://",
    "http://",
    "@",
    "/",
    "?",
    "#",
    ".",
    "-",
    "--",
    "---",
    "-u ",
    " -u ",
    "--user ",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "Bearer ",
    "bearer ",
    "Basic ",
    "Splunk ",
    "Digest ",
    "Negotiate ",
    "Some(",
    "String::from(",
    "Token {",
    "b\"",
    "value=",
    " IN ",
    " LIKE ",
    "eyJhbGciOiJIUzI1NiJ9",
    ".",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_abcdefghijklmnopqrst",
    "sk-abcdefghij1234567890",
    "SK",
    "0123456789abcdef0123456789abcdef",
    "abc8Q~",
    ":AA",
    "123456789",
    "4111111111111111",
    "4111",
    "1111",
    "YWRtaW46Y2hhbmdlbWU=",
    "user",
    "hunter2",
    "a1b2c3d4",
    "x",
    "me@example.org",
    "null",
    "true",
    "***",
    MARKER,
    "…(12 chars)",
    "…",
    "[Filtered]",
    "é",
    "🔑",
    "\u{0}",
    "\\u0070",
    "<![CDATA[",
    "]]>",
    "name",
    "realm=",
    "12345678-90ab-cdef-1234-567890abcdef",
    "%22",
    "%3A",
    "%20",
    "%25",
    "%40",
    "%",
    "\\u0022",
    "\\\\u0022",
    "\\u003d",
    "\\u001b[0m",
    "\u{1b}[0m",
    "&quot;",
    "&lt;",
    "&amp;",
    "cGFzc3dvcmQ9aHVudGVyMg==",
    "eyAicGFzc3dvcmQiOiAieCIgfQ==",
    "dG9rZW49YWJjZGVmZ2hpamts",
    "ewog",
    "QUJD",
    "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t",
    "\",\"value\":",
    "$2b$12$",
    "-us12",
    "+ASt",
    "access_tokens",
];

fn mixture() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => mixture(),
        1 => any::<String>(),
        1 => prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
        (any_text(), any_text()).prop_map(|(k, v)| serde_json::json!({ k: v }).to_string().into()),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((prop_oneof![any_text(), "[a-z]{1,6}"], inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[expect(clippy::expect_used, reason = "a pattern of the test")]
static SANITIZERS: LazyLock<[Sanitizer; 4]> = LazyLock::new(|| {
    [
        Sanitizer::default(),
        Sanitizer::builder()
            .redact_emails(true)
            .max_value_len(40)
            .max_depth(3)
            .max_items(3)
            .max_document_len(200)
            .build(),
        Sanitizer::builder()
            .redact_key("x-my-header")
            .redact_key("x")
            .redact_pattern("[a-f]{3,}|T")
            .expect("valid")
            .max_value_len(7)
            .build(),
        Sanitizer::builder()
            .max_value_len(0)
            .max_depth(0)
            .max_items(0)
            .max_document_len(0)
            .build(),
    ]
});

const CAPS: [usize; 4] = [8192, 40, 7, 0];

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_is_stable_and_bounded(text in any_text()) {
        for (sanitizer, cap) in SANITIZERS.iter().zip(CAPS) {
            let once = sanitizer.text(&text).into_owned();
            prop_assert!(once.len() <= cap + SLACK, "{cap}: {} {once:?}", once.len());
            let twice = sanitizer.text(&once);
            prop_assert_eq!(&*twice, &*once, "text {:?}", text);
            prop_assert!(matches!(twice, Cow::Borrowed(_)), "clean text is borrowed: {once:?}");
        }
    }

    #[test]
    fn values_are_stable_and_bounded(text in any_text(), key in any_text()) {
        for (sanitizer, cap) in SANITIZERS.iter().zip(CAPS) {
            let once = sanitizer.value(&key, &text).into_owned();
            prop_assert!(once.len() <= cap + SLACK);
            prop_assert_eq!(&*sanitizer.value(&key, &once), &*once, "key {:?} text {:?}", key, text);
        }
    }

    #[test]
    fn previews_are_stable_and_bounded(text in any_text(), max in 0_usize..60) {
        let sanitizer = Sanitizer::default();
        let once = sanitizer.preview(&text, max).into_owned();
        prop_assert!(once.chars().count() <= max + SLACK);
        prop_assert_eq!(&*sanitizer.preview(&once, max), &*once, "text {:?}", text);
    }

    #[test]
    fn urls_are_stable_and_bounded(text in any_text()) {
        for (sanitizer, cap) in SANITIZERS.iter().zip(CAPS) {
            let once = sanitizer.url(&text).into_owned();
            prop_assert!(once.len() <= cap + SLACK);
            prop_assert_eq!(&*sanitizer.url(&once), &*once, "text {:?}", text);
        }
    }

    #[test]
    fn json_is_stable_and_bounded(value in any_json()) {
        for sanitizer in SANITIZERS.iter() {
            let mut once = value.clone();
            sanitizer.json(&mut once);
            let mut twice = once.clone();
            sanitizer.json(&mut twice);
            prop_assert_eq!(&twice, &once, "value {}", value);
        }
    }

    #[test]
    fn json_in_strings_is_stable(value in any_json()) {
        let text = value.to_string();
        for (sanitizer, cap) in SANITIZERS.iter().zip(CAPS) {
            let once = sanitizer.value("k", &text).into_owned();
            prop_assert!(once.len() <= cap + SLACK);
            prop_assert_eq!(&*sanitizer.value("k", &once), &*once, "text {}", text);
        }
    }

    #[test]
    fn a_secret_under_a_key_never_survives(
        before in "[ -~]{0,30}",
        key in prop::sample::select(vec!["password", "api_key", "accessToken", "client-secret"]),
        tie in prop::sample::select(vec!["=", ": ", " = ", "=\"", ": '", "\":\"", "\\\":\\\"", "=>"]),
        secret in "Zq[A-Za-z0-9.,;&_%+/~!^-]{8,40}qZ",
    ) {
        let sanitizer = Sanitizer::default();
        let got = sanitizer.text(&format!("{before} {key}{tie}{secret} rest")).into_owned();
        prop_assert!(!got.contains(&secret) && !got.contains(&secret[4..]), "{got}");
    }

    #[test]
    fn words_and_numbers_stay_borrowed(text in "([a-z]{1,8}[ ,.]|[0-9]{1,3} |[a-z]{1,5}=[0-9]{1,3} ){0,30}") {
        let sanitizer = Sanitizer::default();
        // Random words may be the ones looked for.
        prop_assume!(!["pass", "auth", "token", "pwd", "secret", "key", "otp", "psk", "cvv", "dsn", "jwt", "sso", "saml", "creds", "srf", "cook", "cvc"]
            .iter().any(|w| text.contains(w)));
        prop_assert!(matches!(sanitizer.text(&text), Cow::Borrowed(_)), "{text}");
    }
}

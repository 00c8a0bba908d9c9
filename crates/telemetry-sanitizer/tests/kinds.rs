//! One row for each kind of secret: the secret goes, what stands around it stays.

use std::borrow::Cow;

use telemetry_sanitizer::{MARKER, Sanitizer};

/// Kind, text before, secret, text behind.
type Row = (&'static str, &'static str, &'static str, &'static str);

const HEX32: &str = "0123456789abcdef0123456789abcdef";
const ALNUM40: &str = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0";
const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Assignments in logs, SPL, query strings, JSON, XML and Debug output.
    ("field", "user=admin password=", "hunter2", " host=db1"),
    ("field in quotes", "| makeresults | eval password=\"", "a b", "\" | stats count"),
    ("field in single quotes", "passwd='", "p'wx", "' ok"),
    ("field with blanks", "password = ", "hunter2", " | table user"),
    ("unequal", "search token!=", "x9", " index=main"),
    ("double equals", "where password==\"", "x", "\""),
    ("SPL field in quotes", "where 'splunk_password'=\"", "x y", "\" AND a=1"),
    ("SQL LIKE", "WHERE password LIKE '", "hun%", "' AND a=1"),
    ("colon", "pwd:", "hunter2", ", next"),
    ("colon and blank", "login failed, Password: ", "hunter2", " for bob"),
    ("header", "X-Splunk-Token: ", "abc-def", "\nHost: a"),
    ("header api key", "x-api-key: ", "k", "\r\n"),
    ("query string", "GET /a?api_key=", "abc", "&page=2"),
    ("query string in HTML", "/a?access_token=", "abc", "&amp;page=2"),
    ("encoded query", "/go?to=%2Fa%3Ftoken%3D", "abc", "%26page%3D2"),
    ("form", "grant_type=password&client_secret=", "abc", "&client_id=1"),
    ("JSON", "{\"user\":\"me\",\"password\":\"", "hun\\\"ter2", "\",\"a\":1}"),
    ("JSON spaced", "{ \"password\" : \"", "x", "\" }"),
    ("JSON fragment", "...\"apiKey\": \"", "x", "\", \"cut"),
    ("JSON escaped", "{\"body\":\"{\\\"token\\\":\\\"", "x y", "\\\",\\\"a\\\":1}\"}"),
    ("JSON twice escaped", "\\\\\\\"secret\\\\\\\":\\\\\\\"", "x y", "\\\\\\\" z"),
    ("JSON in single quotes", "{'password': '", "x", "', 'a': 1}"),
    ("Debug", "Config { user: \"me\", password: \"", "x", "\", port: 1 }"),
    ("Debug option", "Config { token: Some(\"", "x", "\"), port: 1 }"),
    ("Debug nested", "token: Some(Secret(\"", "x", "\")), port: 1"),
    ("Debug tuple struct", "ApiKey(\"", "x", "\") ok"),
    ("Debug header list", "[(\"authorization\", \"", "x", "\"), (\"host\", \"a\")]"),
    ("Debug bytes", "password: b\"", "x", "\", a"),
    ("Debug plain option", "password: Some(", "hunter2", "), port"),
    ("camel case", "clientSecret=", "abc", " done"),
    ("glued", "dbpassword=", "abc", " done"),
    ("index", "config['password'] = '", "abc", "'"),
    ("Rails", "user[password]=", "abc", "&x=1"),
    ("arrow", ":password => \"", "abc", "\","),
    ("XML", "<password>", "abc", "</password>"),
    ("XML attributes", "<password enc=\"no\">", "abc", "</password>"),
    ("XML CDATA", "<password><![CDATA[", "a<b", "]]></password>"),
    ("Splunk session key", "<response>\n  <sessionKey>", "192fd3e46a31246da7ea7f109e7f95fd", "</sessionKey>\n</response>"),
    ("Splunk REST XML", "<s:key name=\"password\">", "abc", "</s:key>"),
    ("HTML form", "<input name=\"password\" value=\"", "abc", "\">"),
    ("flag", "tool --password ", "hunter2", " --verbose"),
    ("flag with equals", "tool --token=", "abc", " run"),
    ("Splunk CLI", "splunk list index -auth ", "admin:changeme", " -x 1"),
    ("curl -u", "curl -k -u admin:", "changeme", " https://splunk:8089/"),
    ("curl --user", "curl --user 'admin:", "change me", "' x"),
    ("environment", "SPLUNK_PASSWORD=", "abc", "\nHOME=/root"),
    ("password with punctuation", "password=", "a,b;c&d)e\"f", " next"),
    ("key kinds: session", "session_key=", "abc", " x"),
    ("key kinds: private", "private-key=", "abc", " x"),
    ("key kinds: Azure", "AccountName=a;AccountKey=", "YWJjZGVm==", ";EndpointSuffix=b"),
    ("key kinds: shared access", "SharedAccessKey=", "YWJj=", ";x=1"),
    ("key kinds: subscription", "Ocp-Apim-Subscription-Key: ", "abc", "\n"),
    ("passphrase", "passphrase: ", "abc", "\n"),
    ("credentials", "credentials=", "abc", "\n"),
    ("jwt", "jwt=", "abc", "\n"),
    ("csrf", "csrfmiddlewaretoken=", "abc", "&x=1"),
    ("xsrf", "XSRF-TOKEN=", "abc", "; Path=/"),
    ("saml", "SAMLResponse=", "PHNhbWw", "&RelayState=a"),
    ("sso", "sso=", "abc", "&x=1"),
    ("dsn", "SENTRY_DSN=", "https://abc@o1.ingest.example/2", "\nA=1"),
    ("auth random", "auth: ", "a1b2c3d4e5", " ok"),
    ("one-time password", "otp=", "123456", " ok"),
    // Cookies.
    ("cookie header", "Cookie: ", "a=b; session=abc; c=d", "\nHost: x"),
    ("cookie header with a sensitive name", "Cookie: ", "token=a; sid=b", "\nHost: x"),
    ("the second of two keys", "error: token: ", "abc", " ok"),
    ("set-cookie header", "set-cookie: ", "sid=abc; Path=/; HttpOnly", "\nHost: x"),
    ("splunkd cookie", "got splunkd_8089=", "abc^def", " ok"),
    ("Splunk Web cookie", "session_id_8000=", "abc", "; path"),
    ("Splunk Web csrf", "splunkweb_csrf_token_8000=", "123", "; path"),
    // Authentication schemes.
    ("Authorization Bearer", "Authorization: Bearer ", "abc", "\n"),
    ("Authorization Basic", "-H 'Authorization: Basic ", "dTpw", "' x"),
    ("Authorization Splunk", "authorization: Splunk ", "abc", " x"),
    ("Authorization Digest", "Authorization: Digest ", "username=\"a\", response=\"b\"", "\nHost: x"),
    ("Authorization AWS", "Authorization: AWS4-HMAC-SHA256 ", "Credential=a/b, Signature=c", "\nHost: x"),
    ("Authorization plain", "Authorization: ", "abc", "\n"),
    ("Authorization JSON", "{\"authorization\":\"Bearer ", "a b", "\"}"),
    ("Bearer", "sent Bearer ", "abcdefgh", " ok"),
    ("bearer", "sent bearer ", "abc123", " ok"),
    ("Basic", "sent Basic ", "YWRtaW46Y2hhbmdlbWU=", " ok"),
    ("Splunk HEC", "sent Splunk ", "12345678-90ab-cdef-1234-567890abcdef", " ok"),
    ("Negotiate", "Negotiate ", "YIIJvwYGKwYBBQUCoIIJszCCCa+gJDAi", " ok"),
    // URLs.
    ("URL", "at postgres://", "me:pa?s#s@w", "@db:5432/x?y=1"),
    ("URL with a user only", "https://", "0123abcd", "@o1.ingest.sentry.io/5"),
    ("ssh URL", "ssh://", "me:pw", "@host/x"),
    ("URL in JSON", "{\"u\":\"amqp://", "a:b", "@mq\"}"),
    ("Azure SAS", "https://a.blob.core.windows.net/c?sv=1&sig=", "abcdefghijklmnop%2Bqrs%3D", "&se=2"),
    ("AWS signature", "?X-Amz-Signature=", "0123456789abcdef0123", "&x=1"),
    ("AWS credential", "?X-Amz-Credential=", "AKIA/2024", "&x=1"),
    ("Google signature", "?X-Goog-Signature=", "0123456789abcdef0123", "&x=1"),
    // Blocks.
    ("PEM RSA", "k: -----BEGIN RSA PRIVATE KEY-----", "\nMIIE\nabc=\n", "-----END RSA PRIVATE KEY-----\nrest"),
    ("PEM PKCS8", "-----BEGIN PRIVATE KEY-----", "\\nMIIE\\n", "-----END PRIVATE KEY-----"),
    ("PEM OpenSSH", "-----BEGIN OPENSSH PRIVATE KEY-----", "\nb3Bl\n", "-----END OPENSSH PRIVATE KEY-----"),
    ("PGP", "-----BEGIN PGP PRIVATE KEY BLOCK-----", "\nlQ\n", "-----END PGP PRIVATE KEY BLOCK-----"),
    ("PEM cut", "-----BEGIN EC PRIVATE KEY-----", "\nMIIE", ""),
    // Cards.
    ("card", "paid with ", "4111 1111 1111 1111", " today"),
    ("card in JSON", "{\"card\":\"", "5555555555554444", "\"}"),
    ("card Amex", "n=", "378282246310005", ", ok"),
    // Tokens by shape.
    ("JWT", "got ", JWT, " ok"),
    ("JWT in a path", "/verify/", JWT, "/x y"),
    ("AWS access key", "id ", "AKIAIOSFODNN7EXAMPLE", " ok"),
    ("AWS temporary key", "id ", "ASIAIOSFODNN7EXAMPLE", " ok"),
    ("AWS secret", "aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "\n"),
    ("Google API key", "?x=", "AIzaSyA1234567890abcdefghijklmnopqrstuv", "&y=1"),
    ("Google OAuth", "t ", "ya29.a0AfH6SMBx1234567890abc", " ok"),
    ("Google client", "t ", "GOCSPX-abcdefghijklmnopqrstuvwx", " ok"),
    ("Stripe", "t ", "sk_live_4eC39HqLyjWDarjtT1zdp7dc", " ok"),
    ("Stripe restricted", "t ", "rk_test_4eC39HqLyjWDarjtT1zdp7dc", " ok"),
    ("Stripe webhook", "t ", "whsec_abcdefghijklmnop1234", " ok"),
    ("OpenAI", "t ", "sk-abcdefghij1234567890ABCDEFGHIJ", " ok"),
    ("OpenAI project", "t ", "sk-proj-abcdefghij1234567890ABCDEF", " ok"),
    ("Anthropic", "t ", "sk-ant-api03-abcdefghij-klmnop_AA", " ok"),
    ("npm", "t ", "npm_abcdefghijklmnopqrstuvwxyz0123456789", " ok"),
    ("PyPI", "t ", "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDA", " ok"),
    ("GitHub", "t ", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", " ok"),
    ("GitHub fine-grained", "t ", "github_pat_11ABCDEFG0abcdefghijkl_mnopqrs", " ok"),
    ("GitLab", "t ", "glpat-abcdefghij0123456789", " ok"),
    ("GitLab runner", "t ", "glrt-abcdefghij0123456789", " ok"),
    ("Slack bot", "t ", "xoxb-123456789012-abcdefghijklmn", " ok"),
    ("Slack user", "t ", "xoxp-123456789012-abcdefghijklmn", " ok"),
    ("Slack app", "t ", "xapp-1-A012-123-abcdef", " ok"),
    ("Slack webhook", "https://hooks.slack.com/services/", "T000/B000/abcdefgh", " ok"),
    ("SendGrid", "t ", "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", " ok"),
    ("Azure AD", "t ", "abc8Q~abcdefghijklmnopqrstuvwxyz0123456", " ok"),
    ("Telegram", "bot ", "123456789:AAabcdefghijklmnopqrstuvwxyz0123456", " ok"),
    ("age", "t ", "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ", " ok"),
    ("Hugging Face", "t ", "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", " ok"),
    ("Vault", "t ", "hvs.CAESIabcdefghijklmnopqrstuvwxyz", " ok"),
    ("Docker", "t ", "dckr_pat_abcdefghijklmnopqrstuvwxy", " ok"),
    ("Sentry", "t ", "sntrys_eyJpYXQiOjE2abcdefghijklmnop=", " ok"),
    ("Atlassian", "t ", "ATATT3xFfGF0abcdefghijklmnopqrstuvwxyz", " ok"),
    ("Shopify", "t ", "shpat_0123456789abcdef0123456789abcdef", " ok"),
];

/// Kinds built from a prefix.
const PREFIXES: &[(&str, &str, &str)] = &[
    ("Twilio", "SK", HEX32),
    ("DigitalOcean", "dop_v1_", HEX32),
    ("Databricks", "dapi", HEX32),
    ("Mailgun", "key-", HEX32),
    ("RubyGems", "rubygems_", HEX32),
    ("Supabase", "sbp_", HEX32),
    ("Pulumi", "pul-", HEX32),
    ("Linear", "lin_api_", ALNUM40),
    ("Notion", "ntn_", ALNUM40),
    ("Postman", "PMAK-", ALNUM40),
    ("New Relic", "NRAK-", ALNUM40),
    ("Grafana cloud", "glc_", ALNUM40),
    ("Grafana account", "glsa_", ALNUM40),
    ("Doppler", "dp.pt.", ALNUM40),
    ("PlanetScale", "pscale_tkn_", ALNUM40),
    ("Figma", "figd_", ALNUM40),
    ("Square", "sq0atp-", ALNUM40),
    ("Replicate", "r8_", ALNUM40),
    ("Groq", "gsk_", ALNUM40),
    ("xAI", "xai-", ALNUM40),
    ("Perplexity", "pplx-", ALNUM40),
    ("LangSmith", "lsv2_pt_", ALNUM40),
    ("Dynatrace", "dt0c01.", ALNUM40),
    ("ReadMe", "rdme_", ALNUM40),
    ("Heroku", "HRKU-", ALNUM40),
    ("Artifactory", "AKCp", ALNUM40),
];

#[test]
fn every_kind_is_redacted_and_its_surroundings_stay() {
    let sanitizer = Sanitizer::default();
    let mut wrong = Vec::new();
    for (kind, before, secret, behind) in ROWS {
        let text = format!("{before}{secret}{behind}");
        let expected = format!("{before}{MARKER}{behind}");
        let got = sanitizer.text(&text);
        if got != expected {
            wrong.push(format!(
                "{kind}\n  text {text:?}\n  want {expected:?}\n  got  {got:?}"
            ));
        }
        if sanitizer.text(&got) != got {
            wrong.push(format!("{kind}: not stable {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ROWS.len() + PREFIXES.len() >= 60);
}

#[test]
fn every_kind_is_redacted_wherever_it_stands() {
    let sanitizer = Sanitizer::default();
    for (kind, before, secret, behind) in ROWS {
        for padding in 0..34 {
            let filler = format!("{} ", "·x".repeat(padding));
            let line = if kind.contains("cut") { "" } else { "\nmore" };
            let got = sanitizer
                .text(&format!("{filler}{before}{secret}{behind}{line}"))
                .into_owned();
            assert_eq!(
                got,
                format!("{filler}{before}{MARKER}{behind}{line}"),
                "{kind}"
            );
        }
    }
}

#[test]
fn tokens_by_prefix() {
    let sanitizer = Sanitizer::default();
    for (kind, prefix, body) in PREFIXES {
        for (before, behind) in [
            ("", ""),
            ("got ", " ok"),
            ("(", ")"),
            ("\"", "\","),
            ("x=", "&y=1"),
            ("é", "é"),
        ] {
            let text = format!("{before}{prefix}{body}{behind}");
            assert_eq!(
                sanitizer.text(&text),
                format!("{before}{MARKER}{behind}"),
                "{kind}"
            );
        }
    }
}

#[test]
fn several_in_one_text() {
    let sanitizer = Sanitizer::default();
    let text = "user=a password=b token=c 4111111111111111 https://d:e@f/?sig=g Bearer hhhhhhhh";
    assert_eq!(
        sanitizer.text(text),
        format!(
            "user=a password={MARKER} token={MARKER} {MARKER} https://{MARKER}@f/?sig=g Bearer {MARKER}"
        )
    );
}

#[test]
fn values_that_are_not_quoted_in_json_stay_json() {
    let sanitizer = Sanitizer::default();
    for (text, expected) in [
        (
            r#"{"password":12345,"a":1}"#,
            r#"{"password":"***REDACTED***","a":1}"#,
        ),
        (
            r#"x {"credentials":{"user":"a","p":["}"]},"a":1} y"#,
            r#"x {"credentials":"***REDACTED***","a":1} y"#,
        ),
        (
            r#"{\"token\":[1,2],\"a\":1}"#,
            r#"{\"token\":\"***REDACTED***\",\"a\":1}"#,
        ),
        (
            r#"{"credentials":{"user":"a","#,
            r#"{"credentials":"***REDACTED***""#,
        ),
        (
            r#"{"password":null,"token":true}"#,
            r#"{"password":null,"token":true}"#,
        ),
    ] {
        assert_eq!(sanitizer.text(text), expected);
        assert_eq!(sanitizer.text(expected), expected);
    }
}

#[test]
fn emails_by_option() {
    let text = "mail to=me.too+x@sub.example.org, or <you@example.co.uk>. @here a@b user@localhost";
    let expected = format!("mail to={MARKER}, or <{MARKER}>. @here a@b user@localhost");
    assert!(matches!(Sanitizer::default().text(text), Cow::Borrowed(_)));
    let sanitizer = Sanitizer::builder().redact_emails(true).build();
    assert_eq!(sanitizer.text(text), expected);
    assert_eq!(sanitizer.text(&expected), expected);
}

#[test]
fn added_keys_and_patterns() {
    let sanitizer = Sanitizer::builder()
        .redact_key("x-my-header")
        .redact_key("pw")
        .redact_key("Größe")
        .allow_key("auth_note")
        .redact_pattern(r"\bT-\d+\b")
        .and_then(|b| b.redact_pattern("[A-Z]{8}"))
        .expect("both are valid")
        .build();
    for (text, expected) in [
        ("X-My-Header: abc", "X-My-Header: ***REDACTED***"),
        ("my_x_my_header=abc d", "my_x_my_header=***REDACTED*** d"),
        ("db.pw=abc", "db.pw=***REDACTED***"),
        ("pw=abc", "pw=***REDACTED***"),
        ("a pw=abc", "a pw=***REDACTED***"),
        ("auth_note=abc", "auth_note=abc"),
        ("see T-12 and T-x", "see ***REDACTED*** and T-x"),
        (
            "ABCDEFGHI password=x",
            "***REDACTED***I password=***REDACTED***",
        ),
    ] {
        assert_eq!(sanitizer.text(text), expected);
        assert_eq!(sanitizer.text(expected), expected);
    }
    assert!(sanitizer.is_sensitive_key("größe") && sanitizer.is_sensitive_key("Größe"));
    assert_eq!(sanitizer.value("x.pw", "abc"), MARKER);
}

#[test]
fn a_wrong_pattern_is_reported_without_its_text() {
    let error = Sanitizer::builder()
        .redact_pattern("a")
        .and_then(|b| b.redact_pattern("(s3cret"))
        .expect_err("open group");
    assert_eq!(
        error.to_string(),
        "redaction pattern number 2 is no valid regular expression: syntax error"
    );
    let error = Sanitizer::builder()
        .redact_pattern(r"(\w{900}){900}")
        .expect_err("too big");
    assert!(
        error
            .to_string()
            .ends_with("larger than 1 MiB when compiled"),
        "{error}"
    );
}

#[test]
fn debug_shows_no_settings_of_the_user() {
    let builder = Sanitizer::builder()
        .redact_pattern("s3cret")
        .expect("valid");
    assert!(!format!("{:?}", builder.build()).contains("s3cret"));
}

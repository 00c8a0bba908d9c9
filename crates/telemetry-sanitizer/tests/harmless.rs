//! What is no secret stays as it is, and is borrowed.

use std::borrow::Cow;

use telemetry_sanitizer::Sanitizer;

#[rustfmt::skip]
const TEXTS: &[&str] = &[
    "",
    " ",
    // SPL.
    "index=main sourcetype=access_combined status>=500 | stats count by host",
    "search index=_internal earliest=-24h@h latest=now | timechart span=1h count by component",
    "| tstats count where index=* by index, sourcetype",
    "| tstats summariesonly=t count from datamodel=Authentication.Authentication by Authentication.action, Authentication.user",
    "| rest /services/authentication/users splunk_server=local | table title, roles",
    "| makeresults | eval x=if(isnull(password), \"no\", \"yes\") | fields - password token",
    "index=main | rename password as pw | stats dc(token) by user",
    "index=main token=* password=* | head 10",
    "| inputlookup authors.csv | where author=\"bob\" OR author=alice",
    "index=security \"authentication failure\" | top limit=20 user",
    "index=main | rex field=_raw \"user=(?<user>\\w+)\" | dedup user",
    "index=main | eval key=value, keys=mvcount(k), monkey=1 | sort -count",
    "index=os sourcetype=ps | stats avg(pctCPU) AS cpu BY COMMAND | where cpu>80",
    "`cim_Authentication_indexes` tag=authentication NOT (action=success user=*$)",
    "index=main [search index=alerts | fields src_ip] | transaction session maxspan=5m",
    "index=ids signature=\"ET TROJAN Generic\" signature_id=2013028 | stats count by signature",
    "sid=1700000000.12 session=abc identity=bob",
    // Logs.
    "tokens=5 max_tokens=4096 input_tokens: 12 total_tokens=17",
    "{\"usage\":{\"input_tokens\":120,\"output_tokens\":42},\"max_tokens\":1024}",
    "{\"progressToken\":\"abc-1\",\"method\":\"tools/call\"}",
    "author=bob authored by: alice, authority: example.org, authenticated=true",
    "mcp.session.id=0f8fad5b-d9cb-469f-a165-70867728950e mcp.request.id=7",
    "mcp-session-id: 0f8fad5b-d9cb-469f-a165-70867728950e",
    "gen_ai.usage.input_tokens=120 gen_ai.token.type=input",
    "key=value a=b other.key=1 cache_key=abc primary_key=id public_key=abc",
    "2024-01-15T12:34:56.789012Z INFO app::token: refreshed in 12ms",
    "2024-01-15 12:34:56,789 +0000 ERROR [auth] connection to 10.0.0.1:8089 refused",
    "INFO hyper::auth: connecting to upstream host=a",
    "src/auth.rs:42:17: unused variable: `token`",
    "POST /oauth/token: 401 Unauthorized",
    "auth: ok, sso: disabled, authentication: failed",
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.5",
    "Accepted publickey for root from 10.0.0.5 port 51432 ssh2",
    "password= user=bob",
    "password=\"\" token='' secret=null api_key=None token=true",
    "password=**** token=[Filtered] secret=<redacted>",
    "the password is required; the token has expired. Secret santa, cookie jar",
    "Token count: 5, token_type=access, password_length=12, auth.method=ldap",
    "WWW-Authenticate: Bearer realm=\"example\", error=\"invalid_token\"",
    "Bearer token required; use Bearer authentication with a bearer of good news",
    "Basic authentication is off, Basic Information, basic searches",
    "Splunk Enterprise 9.2.1 and Splunk Cloud Platform, Splunk index=main sourcetype=splunkd_access_logs_all",
    "commit 9f2c1d7e8b6a5f4c3d2e1f0a9b8c7d6e5f4a3b2c by bob",
    "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
    "request 0f8fad5b-d9cb-469f-a165-70867728950e took 1234567 us at 1700000000000000000",
    "1700000000 1700000000123 1700000000123456 20240115123456789",
    "phone +49 30 1234567, order 4111111111111112, ip 192.168.100.200:65535",
    "https://splunk.example.org:8089/services/search/jobs?output_mode=json&count=0",
    "git@github.com:owner/repo.git and ssh://git@github.com/owner/repo",
    "see https://example.org/a?to=me@example.org and http://localhost:3000/#/x@y",
    "mailto:me@example.org // a comment: // another",
    "sort -u names.txt && sudo -u splunk ls; docker run -u 1000:1000 x; id -u bob",
    "task-force disk-space-monitoring-for-production-use risk-assessment-of-everything",
    "sk-learn-like-library-with-a-long-name npm_config_registry glpat- ghp_ eyJ",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 me@host",
    "-- a dash -- another --pass",
    "C:\\Users\\bob\\passwords.txt /etc/passwd /etc/ssl/private/key.pem",
    "größe=5 naïve=ja 日本語 = テスト 🔑",
    "a:b c::d e=f= ==== :::: %3D%3D \\\\ \"\" '' (()) [[]] {{}}",
];

#[test]
fn harmless_texts_are_borrowed() {
    let sanitizer = Sanitizer::default();
    let changed: Vec<String> = TEXTS
        .iter()
        .filter(|text| !matches!(sanitizer.text(text), Cow::Borrowed(same) if same == **text))
        .map(|text| format!("{text:?}\n  {:?}", sanitizer.text(text)))
        .collect();
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[test]
fn harmless_values_are_borrowed() {
    let sanitizer = Sanitizer::default();
    for text in TEXTS {
        let got = sanitizer.value("db.query.text", text);
        assert!(
            matches!(got, Cow::Borrowed(same) if same == *text),
            "{text:?} {got:?}"
        );
        let url = sanitizer.preview(text, 1000);
        assert!(
            matches!(url, Cow::Borrowed(same) if same == *text),
            "{text:?}"
        );
    }
}

#[test]
fn telemetry_keys_survive() {
    let sanitizer = Sanitizer::default();
    for key in [
        "mcp.session.id",
        "mcp.progress.token",
        "splunk.sid",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.request.max_tokens",
        "max_tokens",
        "db.query.text",
        "sentry.op",
        "sentry.trace_id",
        "splunk.result.key_count",
        "author",
        "authenticated",
        "http.request.method",
        "url.full",
        "user.id",
        "enduser.id",
        "code.function.name",
    ] {
        assert!(!sanitizer.is_sensitive_key(key), "{key}");
        assert!(
            matches!(sanitizer.value(key, "abc"), Cow::Borrowed("abc")),
            "{key}"
        );
    }
}

#[test]
fn sanitizer_is_cheap_to_share() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let sanitizer = Sanitizer::default();
    shared(&sanitizer);
    let copy = sanitizer.clone();
    let text = std::thread::spawn(move || copy.text("token=abc").into_owned())
        .join()
        .expect("no panic");
    assert_eq!(text, "token=***REDACTED***");
}

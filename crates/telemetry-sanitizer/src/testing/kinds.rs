//! One secret of every kind.

use super::Secret;
use super::letters::{Letters, Source, base64};

/// What a secret is made of behind its prefix.
#[derive(Clone, Copy, Debug)]
enum Body {
    Of(Letters, usize),
    Uuid,
}

#[derive(Debug)]
struct Row {
    kind: &'static str,
    before: &'static str,
    prefix: &'static str,
    body: Body,
    behind: &'static str,
}

const fn row(
    kind: &'static str,
    before: &'static str,
    prefix: &'static str,
    body: Body,
    behind: &'static str,
) -> Row {
    Row {
        kind,
        before,
        prefix,
        body,
        behind,
    }
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Values of sensitive keys.
    row("field", "user=admin password=", "", Body::Of(Letters::Alnum, 12), " host=db1"),
    row("field in quotes", r#"| makeresults | eval password=""#, "", Body::Of(Letters::Alnum, 12), r#"" | stats count"#),
    row("field with blanks", "password = ", "", Body::Of(Letters::Alnum, 12), " | table user"),
    row("unequal", "search secret!=", "", Body::Of(Letters::Alnum, 12), " index=main"),
    row("SQL", "WHERE passwd LIKE '", "", Body::Of(Letters::Alnum, 12), "%' AND a=1"),
    row("colon", "login failed, Password: ", "", Body::Of(Letters::Alnum, 12), " for bob"),
    row("query string", "GET /a?api_key=", "", Body::Of(Letters::Alnum, 12), "&page=2"),
    row("form", "grant_type=password&client_secret=", "", Body::Of(Letters::Alnum, 12), "&client_id=1"),
    row("JSON member", r#"{"user":"me","password":""#, "", Body::Of(Letters::Alnum, 12), r#"","a":1}"#),
    row("JSON number", r#"{"user":"me","password":"#, "", Body::Of(Letters::Digits, 12), r#","a":1}"#),
    row("JSON object", r#"{"credentials":{"user":"me","code":""#, "", Body::Of(Letters::Alnum, 12), r#""},"a":1}"#),
    row("JSON array", r#"{"tokens":{"access_tokens":[""#, "", Body::Of(Letters::Alnum, 12), r#""]},"a":1}"#),
    row("JSON name and value", r#"[{"name":"password","value":""#, "", Body::Of(Letters::Alnum, 12), r#""}]"#),
    row("JSON escaped", r#"{"body":"{\"token\":\""#, "", Body::Of(Letters::Alnum, 12), r#"\",\"a\":1}"}"#),
    row("JSON twice escaped", r#"{"a":"{\"b\":\"{\\\"api_key\\\":\\\""#, "", Body::Of(Letters::Alnum, 12), r#"\\\"}\"}"}"#),
    row("JSON three times escaped", r#"{"a":"{\"b\":\"{\\\"c\\\":\\\"{\\\\\\\"secret\\\\\\\":\\\\\\\""#, "", Body::Of(Letters::Alnum, 12), r#"\\\\\\\"}\\\"}\"}"}"#),
    row("Python dictionary", "{'user': 'me', 'password': '", "", Body::Of(Letters::Alnum, 12), "'}"),
    row("YAML", "db:\n  user: me\n  password: ", "", Body::Of(Letters::Alnum, 12), "\n  port: 1"),
    row("INI", "[ldap]\nbindDNpassword = ", "", Body::Of(Letters::Alnum, 12), "\nhost = a"),
    row("Splunk pass4SymmKey", "[general]\npass4SymmKey = ", "", Body::Of(Letters::Alnum, 12), "\n"),
    row("Splunk sslPassword", "sslPassword=", "", Body::Of(Letters::Alnum, 12), " x"),
    row("environment", "SPLUNK_PASSWORD=", "", Body::Of(Letters::Alnum, 12), "\nHOME=/root"),
    row("camel case", "clientSecret=", "", Body::Of(Letters::Alnum, 12), " done"),
    row("kebab case", "client-secret=", "", Body::Of(Letters::Alnum, 12), " done"),
    row("upper case", "DB_PASSWORD=", "", Body::Of(Letters::Alnum, 12), " done"),
    row("partial", "mydbpasswordold=", "", Body::Of(Letters::Alnum, 12), " done"),
    row("Debug", "Config { user: \"me\", password: \"", "", Body::Of(Letters::Alnum, 12), "\", port: 1 }"),
    row("Debug option", "token: Some(\"", "", Body::Of(Letters::Alnum, 12), "\"), port: 1"),
    row("XML", "<password>", "", Body::Of(Letters::Alnum, 12), "</password>"),
    row("XML escaped", "&lt;password&gt;", "", Body::Of(Letters::Alnum, 12), "&lt;/password&gt;"),
    row("JSON in XML", "<body>{&quot;password&quot;:&quot;", "", Body::Of(Letters::Alnum, 12), "&quot;}</body>"),
    row("percent-encoded JSON", "q=%7B%22password%22%3A%22", "", Body::Of(Letters::Alnum, 12), "%22%7D"),
    row("twice percent-encoded", "u=%252Fa%253Ftoken%253D", "", Body::Of(Letters::Alnum, 12), "%2526b%253D1"),
    row("unicode escapes", r#"{\u0022password\u0022:\u0022"#, "", Body::Of(Letters::Alnum, 12), r#"\u0022}"#),
    row("behind an escaped line end", r#"failed\nauth="#, "", Body::Of(Letters::Alnum, 24), r#"\nnext"#),
    row("coloured", "\u{1b}[3mpassword\u{1b}[0m\u{1b}[2m=\u{1b}[0m", "", Body::Of(Letters::Alnum, 12), "\u{1b}[0m x"),
    row("flag", "tool --password ", "", Body::Of(Letters::Alnum, 12), " --verbose"),
    row("curl -u", "curl -k -u admin:", "", Body::Of(Letters::Alnum, 12), " https://splunk:8089/"),
    row("Splunk CLI", "splunk list index -auth ", "admin:", Body::Of(Letters::Alnum, 12), " -x 1"),
    row("one-time password", "otp = ", "", Body::Of(Letters::Digits, 6), " ok"),
    row("SPL", "| rest /services/x | eval api_key=", "", Body::Of(Letters::Alnum, 12), " | table x"),
    row("Azure connection string", "AccountName=a;AccountKey=", "", Body::Of(Letters::Alnum, 40), ";EndpointSuffix=b"),
    row("ODBC", "Driver={x};Uid=me;Pwd=", "", Body::Of(Letters::Alnum, 12), ";Server=a"),
    // Headers and cookies.
    row("Authorization Bearer", "Authorization: Bearer ", "", Body::Of(Letters::Alnum, 12), "\n"),
    row("Authorization Splunk", "authorization: Splunk ", "", Body::Of(Letters::Alnum, 40), " x"),
    row("Authorization Digest", "Authorization: Digest username=\"a\", response=\"", "", Body::Of(Letters::Hex, 32), "\"\nHost: x"),
    row("Authorization AWS", "Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=", "", Body::Of(Letters::Hex, 64), "\nHost: x"),
    row("Authorization plain", "Authorization: ", "", Body::Of(Letters::Alnum, 12), "\n"),
    row("Proxy-Authorization", "Proxy-Authorization: Bearer ", "", Body::Of(Letters::Alnum, 12), "\n"),
    row("Bearer", "sent Bearer ", "", Body::Of(Letters::Alnum, 20), " ok"),
    row("X-Api-Key", "X-Api-Key: ", "", Body::Of(Letters::Alnum, 12), "\r\n"),
    row("X-Auth-Token", "x-auth-token: ", "", Body::Of(Letters::Alnum, 12), "\r\n"),
    row("X-Splunk-Token", "X-Splunk-Token: ", "", Body::Of(Letters::Alnum, 12), "\r\n"),
    row("X-Splunk-Form-Key", "X-Splunk-Form-Key: ", "", Body::Of(Letters::Digits, 19), "\r\n"),
    row("Cookie", "Cookie: a=b; session=", "", Body::Of(Letters::Alnum, 20), "; c=d\nHost: x"),
    row("Set-Cookie", "set-cookie: sid=", "", Body::Of(Letters::Alnum, 20), "; Path=/; HttpOnly\nHost: x"),
    row("Splunk cookie", "got splunkd_8089=", "", Body::Of(Letters::Alnum, 40), " ok"),
    row("Splunk Web session", "session_id_8000=", "", Body::Of(Letters::Hex, 40), "; path"),
    row("Splunk Web CSRF", "splunkweb_csrf_token_8000=", "", Body::Of(Letters::Digits, 19), "; path"),
    row("Splunk session key", "<response>\n  <sessionKey>", "", Body::Of(Letters::Hex, 32), "</sessionKey>\n</response>"),
    row("CSRF", "csrfmiddlewaretoken=", "", Body::Of(Letters::Alnum, 32), "&x=1"),
    row("SAML", "SAMLResponse=", "", Body::Of(Letters::Alnum, 60), "&RelayState=a"),
    // URLs.
    row("URL", "at postgres://me:", "", Body::Of(Letters::Alnum, 12), "@db:5432/x?y=1"),
    row("URL with a user only", "https://", "", Body::Of(Letters::Hex, 32), "@o1.ingest.sentry.io/5"),
    row("DSN with a secret", "https://0123:", "", Body::Of(Letters::Hex, 32), "@o1.ingest.sentry.io/5"),
    row("percent-encoded URL", "u=https%3A%2F%2Fme%3A", "", Body::Of(Letters::Alnum, 12), "%40splunk%3A8089%2F"),
    row("Azure SAS", "https://a.blob.core.windows.net/c?sv=1&sig=", "", Body::Of(Letters::Alnum, 43), "%3D&se=2"),
    row("AWS signature", "https://b.s3.amazonaws.com/k?X-Amz-Signature=", "", Body::Of(Letters::Hex, 64), "&x=1"),
    row("Google signature", "https://storage.googleapis.com/k?X-Goog-Signature=", "", Body::Of(Letters::Hex, 64), "&x=1"),
    row("Slack webhook", "https://hooks.slack.com/services/", "T000/B000/", Body::Of(Letters::Alnum, 24), " ok"),
    row("Discord webhook", "https://discord.com/api/webhooks/", "123456789012345678/", Body::Of(Letters::Alnum, 68), " ok"),
    row("Teams webhook", "https://x.webhook.office.com/webhookb2/", "", Body::Of(Letters::Hex, 32), " ok"),
    // Tokens by their form.
    row("AWS access key", "got ", "AKIA", Body::Of(Letters::Upper, 16), " ok"),
    row("AWS temporary key", "got ", "ASIA", Body::Of(Letters::Upper, 16), " ok"),
    row("AWS Bedrock", "got ", "ABSK", Body::Of(Letters::Alnum, 109), " ok"),
    row("AWS MWS", "got ", "amzn.mws.", Body::Of(Letters::Hex, 32), " ok"),
    row("Google API key", "got ", "AIza", Body::Of(Letters::Alnum, 35), " ok"),
    row("Google OAuth", "got ", "ya29.", Body::Of(Letters::Alnum, 60), " ok"),
    row("Google client", "got ", "GOCSPX-", Body::Of(Letters::Alnum, 28), " ok"),
    row("Google refresh token", "got ", "1//0", Body::Of(Letters::Alnum, 60), " ok"),
    row("Alibaba", "got ", "LTAI", Body::Of(Letters::Alnum, 20), " ok"),
    row("Tencent", "got ", "AKID", Body::Of(Letters::Alnum, 32), " ok"),
    row("DigitalOcean", "got ", "dop_v1_", Body::Of(Letters::Hex, 64), " ok"),
    row("Heroku", "got ", "HRKU-", Body::Of(Letters::Alnum, 36), " ok"),
    row("Netlify", "got ", "nfp_", Body::Of(Letters::Alnum, 36), " ok"),
    row("Vercel", "got ", "vercel_blob_rw_", Body::Of(Letters::Alnum, 30), " ok"),
    row("Cloudflare origin", "got ", "v1.0-", Body::Of(Letters::Hex, 146), " ok"),
    row("OpenShift", "got ", "sha256~", Body::Of(Letters::Alnum, 43), " ok"),
    row("Tailscale", "got ", "tskey-auth-", Body::Of(Letters::Alnum, 30), " ok"),
    row("GitHub personal", "got ", "ghp_", Body::Of(Letters::Alnum, 36), " ok"),
    row("GitHub OAuth", "got ", "gho_", Body::Of(Letters::Alnum, 36), " ok"),
    row("GitHub app", "got ", "ghs_", Body::Of(Letters::Alnum, 36), " ok"),
    row("GitHub refresh", "got ", "ghr_", Body::Of(Letters::Alnum, 36), " ok"),
    row("GitHub fine-grained", "got ", "github_pat_", Body::Of(Letters::Alnum, 82), " ok"),
    row("GitLab", "got ", "glpat-", Body::Of(Letters::Alnum, 20), " ok"),
    row("GitLab runner", "got ", "glrt-", Body::Of(Letters::Alnum, 20), " ok"),
    row("GitLab registration", "got ", "GR1348941", Body::Of(Letters::Alnum, 20), " ok"),
    row("GitLab deploy", "got ", "gldt-", Body::Of(Letters::Alnum, 20), " ok"),
    row("Atlassian", "got ", "ATATT3", Body::Of(Letters::Alnum, 180), " ok"),
    row("Bitbucket", "got ", "ATCTT3", Body::Of(Letters::Alnum, 180), " ok"),
    row("CircleCI", "got ", "CCIPAT_", Body::Of(Letters::Alnum, 40), " ok"),
    row("Buildkite", "got ", "bkua_", Body::Of(Letters::Hex, 40), " ok"),
    row("npm", "got ", "npm_", Body::Of(Letters::Alnum, 36), " ok"),
    row("PyPI", "got ", "pypi-", Body::Of(Letters::Alnum, 160), " ok"),
    row("RubyGems", "got ", "rubygems_", Body::Of(Letters::Hex, 48), " ok"),
    row("NuGet", "got ", "oy2", Body::Of(Letters::Alnum, 43), " ok"),
    row("Docker", "got ", "dckr_pat_", Body::Of(Letters::Alnum, 27), " ok"),
    row("Artifactory", "got ", "AKCp", Body::Of(Letters::Alnum, 69), " ok"),
    row("OpenAI", "got ", "sk-", Body::Of(Letters::Alnum, 48), " ok"),
    row("OpenAI project", "got ", "sk-proj-", Body::Of(Letters::Alnum, 120), " ok"),
    row("OpenAI service account", "got ", "sk-svcacct-", Body::Of(Letters::Alnum, 120), " ok"),
    row("Anthropic", "got ", "sk-ant-api03-", Body::Of(Letters::Alnum, 93), " ok"),
    row("OpenRouter", "got ", "sk-or-v1-", Body::Of(Letters::Hex, 64), " ok"),
    row("Hugging Face", "got ", "hf_", Body::Of(Letters::Alnum, 34), " ok"),
    row("Replicate", "got ", "r8_", Body::Of(Letters::Alnum, 37), " ok"),
    row("Groq", "got ", "gsk_", Body::Of(Letters::Alnum, 52), " ok"),
    row("xAI", "got ", "xai-", Body::Of(Letters::Alnum, 80), " ok"),
    row("Perplexity", "got ", "pplx-", Body::Of(Letters::Alnum, 48), " ok"),
    row("NVIDIA", "got ", "nvapi-", Body::Of(Letters::Alnum, 64), " ok"),
    row("LangSmith", "got ", "lsv2_pt_", Body::Of(Letters::Hex, 32), " ok"),
    row("Tavily", "got ", "tvly-", Body::Of(Letters::Alnum, 32), " ok"),
    row("Pinecone", "got ", "pcsk_", Body::Of(Letters::Alnum, 60), " ok"),
    row("Slack bot", "got ", "xoxb-123456789012-", Body::Of(Letters::Alnum, 24), " ok"),
    row("Slack user", "got ", "xoxp-123456789012-", Body::Of(Letters::Alnum, 32), " ok"),
    row("Slack app", "got ", "xapp-1-A012-123-", Body::Of(Letters::Hex, 64), " ok"),
    row("SendGrid", "got ", "SG.abcdefghijklmnopqrstuv.", Body::Of(Letters::Alnum, 43), " ok"),
    row("Twilio", "got ", "SK", Body::Of(Letters::Hex, 32), " ok"),
    row("Mailgun", "got ", "key-", Body::Of(Letters::Hex, 32), " ok"),
    row("Brevo", "got ", "xkeysib-", Body::Of(Letters::Hex, 64), " ok"),
    row("Stripe", "got ", "sk_live_", Body::Of(Letters::Alnum, 24), " ok"),
    row("Stripe test", "got ", "sk_test_", Body::Of(Letters::Alnum, 24), " ok"),
    row("Stripe restricted", "got ", "rk_live_", Body::Of(Letters::Alnum, 24), " ok"),
    row("Stripe webhook", "got ", "whsec_", Body::Of(Letters::Alnum, 32), " ok"),
    row("Square", "got ", "sq0atp-", Body::Of(Letters::Alnum, 22), " ok"),
    row("Square access", "got ", "EAAA", Body::Of(Letters::Alnum, 60), " ok"),
    row("Shopify", "got ", "shpat_", Body::Of(Letters::Hex, 32), " ok"),
    row("Plaid", "got ", "access-production-", Body::Uuid, " ok"),
    row("Razorpay", "got ", "rzp_live_", Body::Of(Letters::Alnum, 14), " ok"),
    row("EasyPost", "got ", "EZAK", Body::Of(Letters::Alnum, 54), " ok"),
    row("Sentry organization", "got ", "sntrys_", Body::Of(Letters::Alnum, 80), " ok"),
    row("Sentry user", "got ", "sntryu_", Body::Of(Letters::Hex, 64), " ok"),
    row("Grafana cloud", "got ", "glc_", Body::Of(Letters::Alnum, 80), " ok"),
    row("Grafana account", "got ", "glsa_", Body::Of(Letters::Alnum, 32), " ok"),
    row("New Relic", "got ", "NRAK-", Body::Of(Letters::Upper, 27), " ok"),
    row("Dynatrace", "got ", "dt0c01.", Body::Of(Letters::Alnum, 80), " ok"),
    row("PostHog", "got ", "phx_", Body::Of(Letters::Alnum, 40), " ok"),
    row("Snyk", "got ", "snyk_uat.", Body::Of(Letters::Alnum, 40), " ok"),
    row("SonarQube", "got ", "sqp_", Body::Of(Letters::Hex, 40), " ok"),
    row("LaunchDarkly", "got ", "sdk-", Body::Uuid, " ok"),
    row("Vault", "got ", "hvs.", Body::Of(Letters::Alnum, 90), " ok"),
    row("Terraform", "got ", "atlasv1.", Body::Of(Letters::Alnum, 67), " ok"),
    row("Doppler", "got ", "dp.pt.", Body::Of(Letters::Alnum, 43), " ok"),
    row("Databricks", "got ", "dapi", Body::Of(Letters::Hex, 32), " ok"),
    row("PlanetScale", "got ", "pscale_tkn_", Body::Of(Letters::Alnum, 43), " ok"),
    row("Supabase", "got ", "sbp_", Body::Of(Letters::Hex, 40), " ok"),
    row("age", "got ", "AGE-SECRET-KEY-1", Body::Of(Letters::Upper, 58), " ok"),
    row("Postman", "got ", "PMAK-", Body::Of(Letters::Hex, 59), " ok"),
    row("Linear", "got ", "lin_api_", Body::Of(Letters::Alnum, 40), " ok"),
    row("Notion", "got ", "ntn_", Body::Of(Letters::Alnum, 46), " ok"),
    row("Figma", "got ", "figd_", Body::Of(Letters::Alnum, 40), " ok"),
    row("HubSpot", "got ", "pat-na1-", Body::Uuid, " ok"),
    row("Contentful", "got ", "CFPAT-", Body::Of(Letters::Alnum, 43), " ok"),
    row("Pulumi", "got ", "pul-", Body::Of(Letters::Hex, 40), " ok"),
    row("bcrypt", "got ", "$2b$12$", Body::Of(Letters::Alnum, 53), " ok"),
    row("crypt SHA-512", "got ", "$6$rounds$", Body::Of(Letters::Alnum, 86), " ok"),
    row("Splunk-encrypted", "got ", "$7$", Body::Of(Letters::Alnum, 60), " ok"),
    row("argon2", "got ", "$argon2id$v=19$m=65536,t=3,p=4$", Body::Of(Letters::Alnum, 60), " ok"),
    row("LDAP SSHA", "got ", "{SSHA}", Body::Of(Letters::Alnum, 38), " ok"),
];

/// One secret of every kind, other ones for each `seed`.
#[must_use]
pub fn secrets(seed: u64) -> Vec<Secret> {
    let mut source = Source::new(seed);
    let mut secrets: Vec<Secret> = ROWS.iter().map(|row| row.secret(&mut source)).collect();
    secrets.extend(cards(&mut source));
    secrets.extend(blocks(&mut source));
    secrets.extend(encoded(&mut source));
    secrets.extend(inner_signs(&mut source));
    secrets
}

impl Row {
    fn secret(&self, source: &mut Source) -> Secret {
        let body = match self.body {
            Body::Of(letters, count) => source.take(letters, count),
            Body::Uuid => source.uuid(),
        };
        let secret = [self.prefix, &body].concat();
        secret_of(self.kind, self.before, secret, self.behind)
    }
}

fn secret_of(kind: &'static str, before: &str, secret: String, behind: &str) -> Secret {
    let marker = secret
        .split(|c: char| !c.is_ascii_alphanumeric())
        .max_by_key(|part| part.len())
        .unwrap_or_default()
        .to_owned();
    Secret {
        kind,
        before: before.to_owned(),
        secret,
        behind: behind.to_owned(),
        marker,
    }
}

fn cards(source: &mut Source) -> Vec<Secret> {
    let in_groups = |number: &str, groups: &[usize], separator: &str| {
        let mut digits = number.chars();
        let groups = groups
            .iter()
            .map(|count| digits.by_ref().take(*count).collect::<String>());
        groups.collect::<Vec<_>>().join(separator)
    };
    let fours = [4, 4, 4, 4];
    let [visa, mastercard, amex, discover] = [("4", 16), ("53", 16), ("37", 15), ("6011", 16)]
        .map(|(start, count)| source.card(start, count));
    [
        ("card Visa", visa),
        ("card Mastercard", in_groups(&mastercard, &fours, " ")),
        ("card Discover", in_groups(&discover, &fours, "-")),
        ("card American Express", in_groups(&amex, &[4, 6, 5], " ")),
    ]
    .into_iter()
    .map(|(kind, number)| Secret {
        marker: number.clone(),
        ..secret_of(kind, "paid with ", number, " today")
    })
    .collect()
}

fn blocks(source: &mut Source) -> Vec<Secret> {
    let mut block = |kind, label: &str, line_end: &str| {
        let line = source.take(Letters::Alnum, 64);
        let (before, behind) = (
            format!("key: -----BEGIN {label}-----"),
            format!("-----END {label}-----{line_end}"),
        );
        secret_of(
            kind,
            &before,
            format!("{line_end}{line}{line_end}"),
            &behind,
        )
    };
    vec![
        block("PEM RSA", "RSA PRIVATE KEY", "\n"),
        block("PEM PKCS8", "PRIVATE KEY", "\n"),
        block("PEM encrypted", "ENCRYPTED PRIVATE KEY", "\n"),
        block("PEM EC", "EC PRIVATE KEY", "\n"),
        block("PEM OpenSSH", "OPENSSH PRIVATE KEY", "\n"),
        block("PEM in one line", "PRIVATE KEY", "\\n"),
        block("PGP", "PGP PRIVATE KEY BLOCK", "\n"),
    ]
}

fn encoded(source: &mut Source) -> Vec<Secret> {
    let mut word = || source.take(Letters::Alnum, 12);
    let token = |kind, before: &str, plain: String, behind: &str| {
        secret_of(kind, before, base64(&plain), behind)
    };
    let json = |plain: String| base64(&plain).replace('=', "");
    let jwt = [
        json(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned()),
        json(format!(r#"{{"sub":"{}"}}"#, word())),
        json(format!("{}{}", word(), word())),
    ]
    .join(".");
    let splunk = [
        json(r#"{"kid":"splunk.secret","alg":"HS512","ver":"v2","ttyp":"static"}"#.to_owned()),
        json(format!(r#"{{"iss":"admin from a","sub":"{}"}}"#, word())),
        json(format!("{}{}", word(), word())),
    ]
    .join(".");
    // Both have the same header: what differs is the rest.
    let last = |jwt: &str| jwt.rsplit('.').next().unwrap_or_default().to_owned();
    vec![
        Secret {
            marker: last(&jwt),
            ..secret_of("JWT", "got ", jwt, " ok")
        },
        Secret {
            marker: last(&splunk),
            ..secret_of("Splunk token", "sent Splunk ", splunk, " ok")
        },
        token(
            "Authorization Basic",
            "Authorization: Basic ",
            format!("admin:{}", word()),
            "\n",
        ),
        token("Basic", "sent Basic ", format!("admin:{}", word()), " ok"),
        token(
            "JSON in base64",
            "body=",
            format!(r#"{{"password":"{}"}}"#, word()),
            " ok",
        ),
        token(
            "spaced JSON in base64",
            "body=",
            format!(r#"{{ "password": "{}" }}"#, word()),
            " ok",
        ),
        token(
            "pretty JSON in base64",
            "body=",
            format!("{{\n  \"api_key\": \"{}\"\n}}", word()),
            " ok",
        ),
        token(
            "JSON array in base64",
            "body=",
            format!(r#"[{{"secret":"{}"}}]"#, word()),
            " ok",
        ),
        token(
            "form in base64",
            "body=",
            format!("user=me&password={}", word()),
            " ok",
        ),
        token(
            "PEM in base64",
            "tls.key: ",
            format!("-----BEGIN PRIVATE KEY-----\n{}\n", word()),
            "\n",
        ),
        secret_of("Splunk HEC", "sent Splunk ", source.uuid(), " ok"),
    ]
}

/// Tokens with their sign inside.
fn inner_signs(source: &mut Source) -> Vec<Secret> {
    let mut around = |before: usize, sign: &str, behind: usize, end: &str| {
        let first = source.take(Letters::Alnum, before);
        [&first, sign, &source.take(Letters::Alnum, behind), end].concat()
    };
    let azure_ad = around(3, "8Q~", 34, "");
    let storage = around(76, "+ASt", 6, "==");
    let service_bus = around(33, "+ASb", 6, "=");
    let devops = around(76, "AZDO", 4, "");
    let telegram = [
        source.take(Letters::Digits, 9),
        source.take(Letters::Alnum, 33),
    ]
    .join(":AA");
    let mailchimp = [&source.take(Letters::Hex, 32), "-us12"].concat();
    vec![
        secret_of("Azure AD", "got ", azure_ad, " ok"),
        secret_of("Azure storage", "got ", storage, " ok"),
        secret_of("Azure Service Bus", "got ", service_bus, " ok"),
        secret_of("Azure DevOps", "got ", devops, " ok"),
        secret_of("Telegram", "bot ", telegram, " ok"),
        secret_of("Mailchimp", "got ", mailchimp, " ok"),
    ]
}

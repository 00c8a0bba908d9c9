//! Which keys are sensitive.
//!
//! A key is taken apart into lower-case elements: `X-Splunk-Token` and `xSplunkToken` are both `x`, `splunk`, `token`.
//! The tables below decide by elements, so `author`, `tokens` and `monkey` are not `auth`, `token` and `key`.
//! A few long words are also found inside an element (`userpassword`).
//!
//! | decision | keys | reason |
//! |---|---|---|
//! | sensitive, also inside words | [`INSIDE`] | no ordinary word contains them |
//! | sensitive as an element | [`STRONG`], [`WEAK`] | Sentry's deny-list, Splunk's and HTTP's names |
//! | `*_key` by what stands before it | [`KEY_KINDS`] | `session_key` is a secret, `cache_key`, `public_key` and `key` are none |
//! | clean by the last element | [`ABOUT`], [`FILES`] | facts about a secret: `token_count`, `auth.method`, `password_length` |
//! | `*tokens` by what stands before it | [`TOKEN_KINDS`] | `access_tokens` are secrets, `max_tokens` and `gen_ai.usage.input_tokens` are counts |
//! | clean: `progress.token` | - | MCP's progress token is an opaque label: `mcp.progress.token` |
//! | clean: `session`, `sid`, `identity`, `key` alone | - | in Sentry's deny-list, but `mcp.session.id` and `splunk.sid` must survive |

use std::ops::Range;

use crate::words::{
    ABOUT, ENDINGS, FILES, INSIDE, KEY_KINDS, STRONG, TOKEN_ENDS, TOKEN_KINDS, WEAK,
};

/// What a key says about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Nothing.
    Clean,
    /// A secret if it is long: `sig` of a signed URL.
    Long,
    /// A secret, but the word is also common in prose.
    Weak,
    /// A secret.
    Strong,
}

/// The built-in tables with the caller's additions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    /// `_x_my_header_`
    added: Vec<String>,
    /// Lower case, whole keys.
    allowed: Vec<String>,
}

impl Keys {
    pub(crate) fn add(&mut self, key: &str) {
        let elements = joined(key);
        if elements.len() > 1 && !self.added.contains(&elements) {
            self.added.push(elements);
        }
    }

    pub(crate) fn allow(&mut self, key: &str) {
        self.allowed.push(key.to_ascii_lowercase());
    }

    /// The words by which added keys are found in free text: the longest element of each.
    pub(crate) fn added_words(&self) -> impl Iterator<Item = &str> {
        self.added.iter().filter_map(|key| {
            key.split('_')
                .filter(|w| w.len() > 1)
                .max_by_key(|w| w.len())
        })
    }

    /// Whether an added key has no element of two bytes or more: then no filter may stand before [`Keys::class`].
    pub(crate) fn has_tiny(&self) -> bool {
        self.added
            .iter()
            .any(|key| key.split('_').all(|w| w.len() < 2))
    }

    pub(crate) fn class(&self, key: &str) -> Class {
        if self
            .allowed
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(key))
        {
            return Class::Clean;
        }
        if !self.added.is_empty() {
            let elements = joined(key);
            if self
                .added
                .iter()
                .any(|added| elements.contains(added.as_str()))
            {
                return Class::Strong;
            }
        }
        class(key.as_bytes())
    }
}

/// `X-My-Header` as `_x_my_header_`; `_` when nothing is left.
fn joined(key: &str) -> String {
    let (bytes, mut start) = (key.as_bytes(), 0);
    let mut out = String::with_capacity(key.len() + 2);
    out.push('_');
    while let Some(word) = next_word(bytes, start) {
        start = word.start;
        while start < word.end {
            let end = element_end(bytes, start, word.end);
            out.push_str(&key.get(start..end).unwrap_or_default().to_ascii_lowercase());
            out.push('_');
            start = end;
        }
    }
    out
}

fn class(key: &[u8]) -> Class {
    const SHORT: usize = 64;
    let mut buffer = [0; SHORT];
    match buffer.get_mut(..key.len()) {
        Some(lower) => {
            lower.copy_from_slice(key);
            lower.make_ascii_lowercase();
            class_of(key, lower)
        }
        None => class_of(key, &key.to_ascii_lowercase()),
    }
}

/// `lower` is `key` in lower case.
fn class_of(key: &[u8], lower: &[u8]) -> Class {
    let mut found = Class::Clean;
    let (mut count, mut previous): (usize, &[u8]) = (0, b"");
    let mut start = 0;
    while let Some(word) = next_word(lower, start) {
        start = word.end;
        let Some(whole) = lower.get(word.clone()) else {
            break;
        };
        let glued = if is_sensitive_word(whole) {
            Class::Strong
        } else {
            Class::Clean
        };
        found = found.max(glued).max(element_class(previous, whole));
        // A word in one case is one element, and that has been judged.
        let mut from = word.start;
        while from < word.end {
            let to = element_end(key, from, word.end);
            let Some(element) = lower.get(from..to) else {
                break;
            };
            if element.len() < whole.len() {
                found = found.max(element_class(previous, element));
            }
            previous = element;
            count += 1;
            from = to;
        }
    }
    if found != Class::Clean && count > 1 && is_about(lower, previous) {
        Class::Clean
    } else if found == Class::Clean && is_splunk_session(lower) {
        Class::Strong
    } else {
        found
    }
}

fn next_word(key: &[u8], from: usize) -> Option<Range<usize>> {
    let start = from + key.get(from..)?.iter().position(|c| is_word(*c))?;
    let end = key
        .get(start..)?
        .iter()
        .position(|c| !is_word(*c))
        .map_or(key.len(), |n| start + n);
    Some(start..end)
}

/// Where the element of camel case that starts at `from` ends: `XApiKey` is `X`, `Api`, `Key`.
fn element_end(key: &[u8], from: usize, end: usize) -> usize {
    let byte = |i: usize| key.get(i).copied().unwrap_or(0);
    (from + 1..end)
        .find(|&i| {
            byte(i).is_ascii_uppercase()
                && (!byte(i - 1).is_ascii_uppercase() || byte(i + 1).is_ascii_lowercase())
        })
        .unwrap_or(end)
}

/// Decides on a word between separators, whatever its capitals were.
fn is_sensitive_word(word: &[u8]) -> bool {
    const SHORTEST: usize = 6;
    let inside = word
        .windows(SHORTEST)
        .enumerate()
        .filter_map(|(i, _)| word.get(i..))
        .any(|rest| {
            matches!(rest.first(), Some(b'p' | b's' | b'c' | b'a'))
                && INSIDE.iter().any(|w| rest.starts_with(w.as_bytes()))
                && !rest.starts_with(b"secretar")
        });
    inside
        || (ENDINGS
            .iter()
            .any(|w| word.len() > w.len() && word.ends_with(w.as_bytes()))
            && !word.ends_with(b"progresstoken"))
        || glued_key(word)
            .is_some_and(|stem| KEY_KINDS.iter().any(|kind| stem.ends_with(kind.as_bytes())))
        || word.strip_suffix(b"tokens").is_some_and(|stem| {
            TOKEN_KINDS
                .iter()
                .any(|kind| stem.ends_with(kind.as_bytes()))
        })
        || TOKEN_ENDS.iter().any(|end| word.ends_with(end.as_bytes()))
}

fn element_class(previous: &[u8], element: &[u8]) -> Class {
    const LENGTHS: std::ops::RangeInclusive<usize> = 3..=14;
    let element = without_digits(element);
    if !LENGTHS.contains(&element.len()) {
        return Class::Clean;
    }
    if element == b"token" && previous == b"progress" {
        Class::Clean
    } else if is_one_of(STRONG, element)
        || (matches!(element, b"key" | b"keys") && is_one_of(KEY_KINDS, previous))
        || (element == b"tokens" && is_one_of(TOKEN_KINDS, previous))
    {
        Class::Strong
    } else if is_one_of(WEAK, element) {
        Class::Weak
    } else if element == b"sig" || (element == b"signature" && matches!(previous, b"amz" | b"goog"))
    {
        Class::Long
    } else {
        Class::Clean
    }
}

fn is_one_of(words: &[&str], element: &[u8]) -> bool {
    words.iter().any(|w| w.as_bytes() == element)
}

/// What stands before a glued `key` or `keys`.
fn glued_key(word: &[u8]) -> Option<&[u8]> {
    let word = without_digits(word);
    let stem = word
        .strip_suffix(b"key")
        .or_else(|| word.strip_suffix(b"keys"))?;
    (!stem.is_empty()).then_some(stem)
}

fn is_about(key: &[u8], last: &[u8]) -> bool {
    let trimmed = key.len() - key.iter().rev().take_while(|c| !is_word(**c)).count();
    let dotted = trimmed.checked_sub(last.len() + 1).and_then(|i| key.get(i)) == Some(&b'.');
    is_one_of(ABOUT, last) || (dotted && is_one_of(FILES, last))
}

/// Splunk's cookies carry the port: `splunkd_8089`, `session_id_8000`.
fn is_splunk_session(key: &[u8]) -> bool {
    let port = key
        .strip_prefix(b"splunkd_")
        .or_else(|| key.strip_prefix(b"session_id_"));
    port.is_some_and(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit))
}

fn without_digits(word: &[u8]) -> &[u8] {
    let digits = word.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    word.get(..word.len() - digits).unwrap_or_default()
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn sensitive_keys() {
        for key in [
            "password", "Password", "PASSWORD", "PaSsWoRd", "splunk_password", "userpassword", "dbPassword",
            "password2", "passwords", "passwd", "mysql_pwd", "userPwd", "pwd", "passphrase", "pass",
            "secret", "client_secret", "clientSecret", "secrets", "aws_secret_access_key", "token",
            "access_token", "accessToken", "accesstoken", "refresh-token", "X-Splunk-Token", "xsplunktoken",
            "splunk.token", "token_value", "api_key", "apikey", "apiKey", "X-API-Key", "XApiKey", "API_KEYS",
            "auth", "x-auth", "basic_auth", "Authorization", "proxy-authorization",
            "http.request.header.authorization", "authentication", "credential", "credentials",
            "aws.credentials", "private_key", "privateKey", "PRIVATEKEY", "access_key", "AWSAccessKeyId",
            "session_key", "sessionKey", "splunk.session_key", "AccountKey", "SharedAccessKey",
            "Ocp-Apim-Subscription-Key", "x-functions-key", "cookie", "Set-Cookie",
            "http.request.header.cookie", "setcookie", "jwt", "id_jwt", "bearer", "csrf", "X-CSRF-Token",
            "csrftoken", "xsrf", "sso", "sso_ticket", "saml", "SAMLResponse", "dsn", "sentry.dsn",
            "SENTRY_DSN", "creds", "password_hash", "auth_code", "sig", "splunkd_8089", "session_id_8000",
            "splunkweb_csrf_token_8000", "ssh_key", "pass4SymmKey", "pass4symmkey", "X-Splunk-Form-Key", "access_tokens",
            "refreshTokens", "apitokens", "tokenvalue", "client_key", "tls.server.key", "passkey", "totp", "cvc", "httpAuth",
            "X-Sentry-Auth", "sslPassword", "bindDNpassword", "splunk.secret", "hec_token", "SPLUNK_HEC_TOKEN",
            "encryption_key", "signingKey", "otp", "tokenID",
            "tOkEn",
        ] {
            assert_ne!(class(key.as_bytes()), Class::Clean, "{key}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn clean_keys() {
        for key in [
            "mcp.session.id", "mcp-session-id", "mcp.progress.token", "progressToken", "_meta.progressToken",
            "splunk.sid", "sid", "session", "identity", "key", "keys", "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens", "gen_ai.token.type", "gen_ai.client.token.usage",
            "gen_ai.request.max_tokens", "max_tokens", "maxTokens", "tokens", "token_count", "tokenizer",
            "db.query.text", "sentry.op", "sentry.trace.parent_span_id", "sentry.dsc.public_key",
            "sentry.sample_rand", "splunk.key_count", "mcp.result.key_count", "author", "authors",
            "authored_by", "authenticated", "authority", "url.authority", "oauth.client", "auth.method",
            "auth_type", "token_type", "password_length", "password.policy", "secretary", "compass",
            "passed", "bypass", "passenger", "monkey", "keyboard", "keyword", "cache_key", "primary_key",
            "public_key", "idempotency-key", "user.id", "enduser.id", "http.route", "url.full",
            "server.address", "code.function.name", "cookie_count", "signature", "design", "assign",
            "auth.rs", "token.py", "auth_url", "token_endpoint", "accessible", "credit", "", "...", "_",
        ] {
            assert_eq!(class(key.as_bytes()), Class::Clean, "{key}");
        }
    }

    #[test]
    fn elements_split_at_separators_and_capitals() {
        let elements = |key: &str| joined(key);
        assert_eq!(elements("X-My-Header"), "_x_my_header_");
        assert_eq!(elements("XApiKey"), "_x_api_key_");
        assert_eq!(elements("httpAPIKey2"), "_http_api_key2_");
        assert_eq!(elements("größe.Ä"), "_größe_Ä_");
        assert_eq!(elements("--"), "_");
    }

    #[test]
    fn added_keys_match_whole_elements() {
        let mut keys = Keys::default();
        keys.add("x-my-header");
        keys.add("pw");
        keys.add("--");
        assert_eq!(keys.class("http.X_My_Header"), Class::Strong);
        assert_eq!(keys.class("xMyHeader"), Class::Strong);
        assert_eq!(keys.class("x-my-headers"), Class::Clean);
        assert_eq!(keys.class("db.pw"), Class::Strong);
        assert_eq!(keys.class("pwx"), Class::Clean);
        assert!(!keys.has_tiny());
        keys.allow("Access_Token");
        assert_eq!(keys.class("access_token"), Class::Clean);
        assert_eq!(keys.class("access-token"), Class::Strong);
    }
}

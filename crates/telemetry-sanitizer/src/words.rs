//! The words that make a key sensitive or clean. All are in lower case.

/// Found anywhere in a word, whatever stands around them.
#[rustfmt::skip]
pub(crate) const INSIDE: &[&str] = &[
    "password", "passwd", "passphrase", "passcode", "pass4symmkey", "secret", "credential", "apikey",
    "privatekey",
];

/// Sensitive when a whole element is one of these.
#[rustfmt::skip]
pub(crate) const STRONG: &[&str] = &[
    "authorisation", "authorization", "bearer", "cookie", "cookies", "creds", "csrf", "cvc",
    "cvv", "dsn", "jwt", "otp", "psk", "pswd", "pwd", "saml", "token", "totp", "xsrf",
];

/// Sensitive as keys. In prose (`auth: connecting to host`) their value counts only when it looks random.
#[rustfmt::skip]
pub(crate) const WEAK: &[&str] = &[
    "auth", "authentication", "authn", "basicauth", "httpauth", "pass", "proxyauth", "sso",
];

/// Ends of glued words: `accesstoken`, `setcookie`, `userpwd`.
#[rustfmt::skip]
pub(crate) const ENDINGS: &[&str] = &[
    "token", "cookie", "passwd", "pwd",
];

/// What makes a `key` a secret, glued (`sessionkey`) or as the element before (`session_key`).
#[rustfmt::skip]
pub(crate) const KEY_KINDS: &[&str] = &[
    "access", "account", "admin", "aes", "api", "app", "application", "auth", "client", "consumer",
    "crypto", "decryption", "deploy", "encrypt", "encryption", "form", "functions", "gpg", "hec",
    "hmac", "ingest", "integration", "licence", "license", "master", "pass", "pgp", "priv",
    "private", "rsa", "sas", "secret", "server", "service", "session", "shared", "sign", "signing",
    "ssh", "ssl", "storage", "subscription", "symm", "symmetric", "tls", "write",
];

/// What makes `tokens` secrets, glued or as the element before. Other `tokens` are counts.
#[rustfmt::skip]
pub(crate) const TOKEN_KINDS: &[&str] = &[
    "access", "api", "auth", "bearer", "csrf", "hec", "refresh", "security", "session", "splunk",
];

/// Ends of a glued word that begins with or goes on after `token`: `tokenvalue`, `accesstokensecret`.
#[rustfmt::skip]
pub(crate) const TOKEN_ENDS: &[&str] = &[
    "tokenvalue", "tokenstring", "tokenstr", "tokendata", "tokenkey",
];

/// Last elements that say something about a secret, and are none.
#[rustfmt::skip]
pub(crate) const ABOUT: &[&str] = &[
    "age", "alg", "algorithm", "at", "attempts", "budget", "count", "counts", "dir", "disabled",
    "domain", "duration", "enabled", "endpoint", "error", "errors", "expiration", "expired",
    "expires", "expiry", "failed", "failures", "file", "format", "host", "invalid", "kind",
    "latency", "len", "length", "level", "limit", "method", "mode", "ms", "name", "path",
    "policy", "port", "present", "provider", "reason", "required", "result", "scheme", "seconds",
    "size", "status", "success", "time", "total", "ttl", "type", "uri", "url", "usage", "used",
    "user", "username", "valid", "version",
];

/// Last elements behind a dot that make the key the name of a file: `auth.rs:42`.
#[rustfmt::skip]
pub(crate) const FILES: &[&str] = &[
    "c", "cc", "cfg", "conf", "cpp", "cs", "css", "go", "h", "html", "ini", "java", "js", "json",
    "kt", "log", "md", "php", "py", "rb", "rs", "sh", "toml", "ts", "txt", "xml", "yaml", "yml",
];

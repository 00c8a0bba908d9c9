//! Texts for the benchmarks of the sanitizer.

/// Something to sanitize, repeated to any length.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// What it is.
    pub name: &'static str,
    /// One piece of it.
    pub piece: &'static str,
}

/// Text without secrets, as services have it.
pub const CLEAN: &[Text] = &[
    Text {
        name: "SPL",
        piece: "index=main host=web-* status>=500 | stats count by host, uri | ",
    },
    Text {
        name: "log",
        piece: "2024-01-15 12:34:56,789 +0000 INFO  [dispatcher] search 1700000000.12 finished in 1234 ms \
                for user=bob app=search results=42 https://splunk.example.org:8089/services/search/jobs\n",
    },
    Text {
        name: "JSON",
        piece: "{\"time\":1700000000,\"host\":\"web-01\",\"event\":{\"level\":\"info\",\"status\":200,\
                \"duration\":12.5,\"path\":\"/search/items\",\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"}}\n",
    },
    Text {
        name: "prose",
        piece: "Find the top ten hosts by error count in the last day and explain what changed since then. ",
    },
];

/// Text with secrets.
pub const SECRETS: &[Text] = &[
    Text {
        name: "one secret in 250 bytes",
        piece: "2024-01-15 12:34:56 INFO  [dispatcher] search 1700000000.12 finished in 1234 ms for \
                user=bob app=search results=42\n2024-01-15 12:34:56 INFO  [dispatcher] search \
                1700000000.12 finished in 1234 ms for user=bob app=search token=abc123 results=42\n",
    },
    Text {
        name: "two secrets in 130 bytes",
        piece: "2024-01-15 12:34:56 could not log in: user=admin password=hunter2 at search-head-01 \
                (Authorization: Bearer abcdef123456) retry in 5 s\n",
    },
];

/// What an attacker would send: short pieces that rules begin with, over and over.
pub const HOSTILE: &[&str] = &[
    "=",
    "{",
    "[",
    "\"",
    "\\",
    "eyJ",
    "7",
    "4111 1111 ",
    ":",
    "://",
    "@",
    "%",
    "%25",
    "%3D",
    "\\u0022",
    "&quot;",
    "password=",
    "token=a;",
    "token=[",
    "cookie=a; ",
    "Authorization: ",
    "Bearer ",
    "<key a",
    "key\"",
    "-u a:",
    "sk-a-",
    "cGFzc3dvcm",
    "-----BEGIN PRIVATE KEY-----",
];

impl Text {
    /// So many bytes of it.
    ///
    /// ```
    /// let text = mcp_telemetry_benches::texts::CLEAN[0].of(1000);
    /// assert_eq!(text.len(), 1000);
    /// ```
    #[must_use]
    pub fn of(&self, len: usize) -> String {
        repeated(self.piece, len)
    }
}

/// `piece` over and over, `len` bytes of it. Pieces are ASCII.
///
/// ```
/// assert_eq!(mcp_telemetry_benches::texts::repeated("ab", 5), "ababa");
/// ```
#[must_use]
pub fn repeated(piece: &str, len: usize) -> String {
    piece.chars().cycle().take(len).collect()
}

//! The names of what a client does.

use std::fmt;

/// One kind of call, with the name it has in spans, logs and errors.
///
/// ```
/// use splunk_client::Operation;
///
/// assert_eq!(Operation::SearchOneshot.name(), "search.oneshot");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A search that answers with its results.
    SearchOneshot,
    /// The list of indexes.
    IndexesList,
    /// What the server says it is.
    ServerInfo,
    /// The health of splunkd.
    ServerHealth,
}

impl Operation {
    /// The name, from a fixed set: fit for `splunk.operation`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SearchOneshot => "search.oneshot",
            Self::IndexesList => "indexes.list",
            Self::ServerInfo => "server.info",
            Self::ServerHealth => "server.health",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

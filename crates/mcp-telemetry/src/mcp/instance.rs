//! What a wrapper knows of the service that it wraps.

use std::sync::Arc;

use rmcp::model::Implementation;

use super::known::KnownNames;
use super::outcome::Seen;
use super::session::Session;
use crate::call::CallKind;
use crate::metrics::Measured;

/// What a wrapper knows of its service: what all copies share, and the session of this one.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) own: Arc<Own>,
    pub(crate) session: Session,
    pub(super) seen: Seen,
    /// `mcp.status` of a request that its sender takes back.
    pub(super) taken_back: &'static str,
}

/// What all copies of a service share.
#[derive(Debug, Default)]
pub(crate) struct Own {
    pub(crate) info: Implementation,
    pub(crate) tools: KnownNames,
    pub(crate) prompts: KnownNames,
}

impl Instance {
    /// A server. `seen` is where the wrapper stands.
    pub(crate) fn new(info: Implementation, seen: Seen) -> Self {
        let own = Own {
            info,
            ..Own::default()
        };
        Self {
            own: Arc::new(own),
            session: Session::of(Measured::ServerSession),
            seen,
            taken_back: "client_disconnect",
        }
    }

    /// A client, with the rules for errors that a server has.
    #[cfg(feature = "client")]
    pub(crate) fn of_client(info: Implementation) -> Self {
        Self {
            session: Session::of(Measured::ClientSession),
            taken_back: "cancelled",
            ..Self::new(info, Seen::OnWire)
        }
    }
}

impl Own {
    pub(super) fn names(&self, kind: CallKind) -> Option<&KnownNames> {
        match kind {
            CallKind::Tool => Some(&self.tools),
            CallKind::Prompt => Some(&self.prompts),
            CallKind::Resource | CallKind::Splunk => None,
        }
    }
}

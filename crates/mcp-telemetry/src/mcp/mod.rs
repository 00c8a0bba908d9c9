//! MCP requests as spans.
//!
//! Each request makes two spans: a SERVER span with op `mcp.server`, which Sentry's MCP
//! dashboards and the OTel conventions look for, and inside it, for tools, resources and
//! prompts, an execution span with op `mcp.tool`, `mcp.resource` or `mcp.prompt`.

mod facts;
mod handler;
mod instance;
mod known;
mod labels;
mod listen;
mod meta;
mod named;
mod notification;
mod observe;
mod operation;
mod outcome;
mod parent;
mod result;
mod service;
mod session;
mod text;

#[cfg(feature = "client")]
pub(crate) use facts::{Facts, Peers};
pub use handler::TracedHandler;
#[cfg(feature = "client")]
pub(crate) use instance::Instance;
pub(crate) use known::OTHER;
#[cfg(feature = "client")]
pub(crate) use labels::Labels;
pub(crate) use labels::known_version;
pub(crate) use meta::{carry, yield_to};
#[cfg(feature = "client")]
pub(crate) use notification::{Notified, initialized, meta as notification_meta};
pub(crate) use notification::{cancelled, progress};
#[cfg(feature = "client")]
pub(crate) use observe::{Request, observe};
#[cfg(feature = "client")]
pub(crate) use operation::Params;
pub(crate) use operation::{Operation, count, level};
pub(crate) use outcome::Outcome;
#[cfg(feature = "client")]
pub(crate) use outcome::is_stateless;
#[cfg(feature = "client")]
pub(crate) use parent::Parent;
pub(crate) use result::Observed;
pub use service::TracedService;
#[cfg(feature = "client")]
pub(crate) use service::operation;
pub(crate) use text::{bounded, id, json, uri};

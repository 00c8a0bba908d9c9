//! MCP requests as spans.
//!
//! Each request makes two spans: a SERVER span with op `mcp.server`, which Sentry's MCP
//! dashboards and the OTel conventions look for, and inside it, for tools, resources and
//! prompts, an execution span with op `mcp.tool`, `mcp.resource` or `mcp.prompt`.

mod bounded_json;
mod facts;
mod handler;
mod known;
mod labels;
mod listen;
mod meta;
mod notification;
mod observe;
mod operation;
mod outcome;
mod parent;
mod result;
mod service;
mod session;
mod text;

pub use handler::TracedHandler;
pub use service::TracedService;

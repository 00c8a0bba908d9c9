//! One Sentry error event for each failure, with the MCP context of its request.
//!
//! | seen by | what | exception |
//! |---|---|---|
//! | [`ErrorLayer`] | `tracing::error!`, records of the `log` crate | of its errors and their sources |
//! | [`capture_mcp_error`] | an error that the app captures | of the error and its sources |
//! | the panic hook | a panic, level fatal | `panic` |
//! | the span sink | an `exception` event that OTel code put on a span | of its attributes |
//! | the wrappers, traced functions outside of a request | a request or call that failed | of the returned error and its sources |
//!
//! # One failure, one event
//!
//! A failure is mostly seen more than once: a tool logs its error, and then returns it. Two
//! rules hold inside a request, or inside a traced call where there is no request:
//!
//! 1. What the app reports itself makes an event each time, unless it is an error that has
//!    been reported already: one of its texts, or of its sources' texts, is known.
//! 2. What is reported without the app's doing comes last. A traced function or a request that
//!    failed, and an event that has nothing but an error, as `#[instrument(err)]` makes it,
//!    are only reported where no error event was sent before.
//!
//! An exception that OTel code recorded (`record_error`, or `add_event` with the name
//! `exception`) is the app's report too, but its event is made when the transaction is sent,
//! after the request: where the request's failure has been reported for itself by then, the
//! exceptions at its execution's span and below are part of it. It needs a sampled trace, and
//! does not make the request's session errored. What `tracing` recorded on a span was
//! captured, or held back, when it was logged.
//!
//! So a request that failed has one event at least. What the rules hold back is a log and a
//! breadcrumb all the same. Errors of the caller, cancellations and requests for input are no
//! failures.
//!
//! # What is on an event
//!
//! Every event of a request has its attributes as the context `mcp`, and the most asked for
//! as tags. An event that holds an error has the mechanism of Sentry's MCP convention
//! (`auto.ai.mcp_server`) and the tag `mcp.tool.status`, or that of a resource or prompt.

mod error_type;
mod manual;

#[cfg(feature = "sentry")]
mod cause;
#[cfg(feature = "sentry")]
mod event;
#[cfg(feature = "sentry")]
mod integration;
#[cfg(feature = "sentry")]
mod layer;
#[cfg(not(feature = "sentry"))]
mod off;
#[cfg(feature = "sentry")]
mod on_span;
mod severity;
#[cfg(feature = "sentry")]
pub(crate) mod tracing_records;
#[cfg(feature = "sentry")]
mod watch;

use crate::call::CallKind;

#[cfg(feature = "sentry")]
pub(crate) use self::cause::Cause;
pub use self::error_type::McpErrorType;
#[cfg(feature = "sentry")]
pub(crate) use self::integration::McpErrors;
#[cfg(feature = "sentry")]
pub(crate) use self::layer::ErrorLayer;
pub use self::manual::{McpErrorContext, capture_mcp_error};
#[cfg(not(feature = "sentry"))]
pub(crate) use self::off::{Cause, Watch};
#[cfg(feature = "sentry")]
pub(crate) use self::on_span::on_exception;
pub(crate) use self::severity::{SEVERITY, is_fatal};
#[cfg(feature = "sentry")]
pub(crate) use self::watch::Watch;

/// A request or call that failed, as the code around it sees it.
#[derive(Debug)]
#[cfg_attr(not(feature = "sentry"), expect(dead_code, reason = "nobody reads it"))]
pub(crate) struct Failed {
    /// What failed, where it is a tool, resource or prompt.
    pub(crate) kind: Option<CallKind>,
    /// The exception's type, where its cause is not known.
    pub(crate) exception: String,
    /// The exception's text, where its cause is not known.
    pub(crate) message: String,
    /// The error that was returned.
    pub(crate) cause: Option<Cause>,
    /// `mcp.tool.status` and its siblings.
    pub(crate) status: &'static str,
    /// What kind of failure it is.
    pub(crate) error_type: McpErrorType,
    /// `rpc.response.status_code`.
    pub(crate) code: Option<i32>,
}

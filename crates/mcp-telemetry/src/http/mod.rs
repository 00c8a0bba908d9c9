//! HTTP requests as spans: a tower layer for a server, a call for a client.

mod body;
mod client;
mod exchange;
mod future;
mod headers;
mod layer;
mod options;
mod service;

pub use body::TracedBody;
pub use client::HttpCall;
pub(crate) use exchange::HttpSpan;
pub use future::ResponseFuture;
pub(crate) use headers::{session_id, version};
pub use layer::HttpLayer;
pub use options::MakeRoute;
pub use service::HttpService;

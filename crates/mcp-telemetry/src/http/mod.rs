//! HTTP requests as spans and durations: a tower layer for a server, a call for a client.

mod body;
mod client;
mod describe;
mod exchange;
mod future;
mod headers;
mod layer;
mod methods;
mod options;
pub(crate) mod peer;
mod scheme;
mod service;
pub(crate) mod targets;

pub use body::TracedBody;
pub use client::HttpCall;
pub(crate) use exchange::HttpSpan;
pub use future::ResponseFuture;
pub(crate) use headers::{session_id, version};
pub use layer::HttpLayer;
pub use options::MakeRoute;
pub use peer::ClientAddress;
pub(crate) use peer::PeerAddress;
pub use scheme::OriginalScheme;
pub use service::HttpService;

//! Who sends a request.

use std::net::SocketAddr;

use http::request::Parts;

/// Finds the address of the other end of a request's connection.
///
/// Closures implement it. With axum, which puts the address into the request where it serves
/// with `into_make_service_with_connect_info::<SocketAddr>()`:
///
/// ```
/// use std::net::SocketAddr;
///
/// use axum::extract::ConnectInfo;
/// use mcp_telemetry::http::HttpLayer;
///
/// let layer = HttpLayer::new().with_client_address(|head: &http::request::Parts| {
///     head.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0)
/// });
/// # drop(layer);
/// ```
pub trait ClientAddress: Send + Sync + 'static {
    /// The address, or `None` where it is not known: then nothing is recorded.
    fn client_address(&self, head: &Parts) -> Option<SocketAddr>;
}

impl<F: Fn(&Parts) -> Option<SocketAddr> + Send + Sync + 'static> ClientAddress for F {
    fn client_address(&self, head: &Parts) -> Option<SocketAddr> {
        self(head)
    }
}

/// The address of a request's sender, as an extension of the request. It is there only
/// where it may be recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

impl PeerAddress {
    /// The IP address. An IPv4 address that a socket for both versions wraps stands as it is.
    pub(crate) fn ip(self) -> String {
        self.0.ip().to_canonical().to_string()
    }

    pub(crate) fn port(self) -> i64 {
        i64::from(self.0.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (address, ip, port) in [
            ("10.1.2.80:4711", "10.1.2.80", 4711),
            ("[::1]:80", "::1", 80),
            ("[::ffff:10.1.2.80]:65535", "10.1.2.80", 65535),
        ] {
            let peer = PeerAddress(address.parse().unwrap());
            assert_eq!((peer.ip().as_str(), peer.port()), (ip, port));
        }
    }
}

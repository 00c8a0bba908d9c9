//! A server with a certificate that nobody has signed.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Shakes hands, and counts those who go on to say something. It ends when dropped.
pub(crate) struct UnknownCertificate {
    port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    ended: AtomicBool,
}

impl UnknownCertificate {
    pub(crate) fn start() -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen::default());
        let of_thread = Arc::clone(&seen);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if of_thread.ended.load(Ordering::Acquire) {
                    return;
                }
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, socket);
                let seen = Arc::clone(&of_thread);
                thread::spawn(move || {
                    // A client that does not accept the certificate ends the handshake.
                    if stream.read(&mut [0]).is_ok_and(|read| read > 0) {
                        seen.requests.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    #[cfg(feature = "sentry")]
    pub(crate) fn dsn(&self) -> String {
        format!("https://publickey@localhost:{}/42", self.port)
    }

    /// How many have said something.
    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::Relaxed)
    }
}

impl Drop for UnknownCertificate {
    fn drop(&mut self) {
        self.seen.ended.store(true, Ordering::Release);
        // Wakes the listener so that it sees the end.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

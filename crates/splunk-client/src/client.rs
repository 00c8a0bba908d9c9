//! The client itself: its parts, and how it is set up.

use std::fmt;
use std::sync::Arc;

use reqwest::redirect::Policy;
use rustls::crypto::CryptoProvider;

use crate::classify::innermost;
use crate::config::{Scheme, SplunkConfig};
use crate::error::SplunkError;
use crate::session::Session;

/// A client of one Splunk server. Clones share connections and session.
///
/// With a user and password the first call logs in; the session is kept, and renewed once when Splunk refuses it.
/// Calls go straight to Splunk: they follow no redirects and use no proxy.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use splunk_client::{Search, SplunkClient, SplunkConfig};
/// use splunk_simulator::Simulator;
///
/// let splunk = Simulator::start()?;
/// let config = SplunkConfig::from_lookup(|name| match name {
///     "SPLUNK_SCHEME" => Some("http".to_owned()),
///     "SPLUNK_HOST" => Some(splunk.host()),
///     "SPLUNK_PORT" => Some(splunk.port().to_string()),
///     "SPLUNK_TOKEN" => Some(splunk.token().to_owned()),
///     _ => None,
/// })?;
/// let client = SplunkClient::new(config)?;
///
/// let found = client.oneshot_search(&Search::new("index=main | stats count")).await?;
/// assert_eq!(found.rows[0]["count"], "600");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SplunkClient {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: SplunkConfig,
    pub(crate) base_url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) session: Session,
}

impl SplunkClient {
    /// Sets the client up. It connects with the first call.
    ///
    /// TLS is rustls with ring. When the process has no rustls provider yet, ring becomes its default; one that is
    /// installed already is used as it is.
    ///
    /// # Errors
    ///
    /// [`SplunkError::Setup`], when certificates are to be verified but the system has none to verify with.
    pub fn new(config: SplunkConfig) -> Result<Self, SplunkError> {
        if CryptoProvider::get_default().is_none() {
            // It fails only when another thread was faster, and then there is one.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        // Without TLS there is nothing to verify, and a system without certificates must not matter.
        let verify = config.verify_tls && config.scheme == Scheme::Https;
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .https_only(config.scheme == Scheme::Https)
            .no_proxy()
            .redirect(Policy::none())
            .tls_danger_accept_invalid_certs(!verify)
            .user_agent(concat!("splunk-client/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SplunkError::Setup {
                reason: innermost(&error),
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                base_url: config.base_url(),
                session: Session::default(),
                config,
                http,
            }),
        })
    }

    /// The settings it was set up with.
    #[must_use]
    pub fn config(&self) -> &SplunkConfig {
        &self.inner.config
    }
}

impl fmt::Debug for SplunkClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplunkClient")
            .field("base_url", &self.inner.base_url)
            .finish_non_exhaustive()
    }
}

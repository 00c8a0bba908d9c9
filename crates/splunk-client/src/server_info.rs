//! `server.info`: what the server says it is.

use reqwest::Method;
use serde::Serialize;

use crate::client::SplunkClient;
use crate::error::SplunkError;
use crate::message::Secrets;
use crate::operation::Operation;
use crate::reply::{self, Reply};
use crate::send::Request;

/// What a Splunk server says it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerInfo {
    /// The server's name.
    pub server_name: String,
    /// The version of Splunk, such as `9.4.3`.
    pub version: String,
    /// The build.
    pub build: Option<String>,
    /// The unique id of the instance.
    pub guid: Option<String>,
    /// The operating system.
    pub os_name: Option<String>,
    /// The processor's architecture.
    pub cpu_arch: Option<String>,
    /// What product it is, such as `enterprise`.
    pub product_type: Option<String>,
    /// The state of the licence, such as `OK`.
    pub license_state: Option<String>,
    /// The roles of the server, such as `search_head`.
    pub server_roles: Vec<String>,
}

impl Reply for ServerInfo {
    fn decode(body: &[u8], _: &Secrets<'_>) -> Result<Self, String> {
        let entry = reply::entry(body)?;
        Ok(Self {
            server_name: entry.text("serverName").unwrap_or_default(),
            version: entry
                .text("version")
                .ok_or_else(|| "there is no version".to_owned())?,
            build: entry.text("build"),
            guid: entry.text("guid"),
            os_name: entry.text("os_name"),
            cpu_arch: entry.text("cpu_arch"),
            product_type: entry.text("product_type"),
            license_state: entry.text("licenseState"),
            server_roles: entry.texts("server_roles"),
        })
    }
}

impl SplunkClient {
    /// Asks the server what it is.
    ///
    /// Calls [`GET server/info`](https://docs.splunk.com/Documentation/Splunk/latest/RESTREF/RESTintrospect#server.2Finfo).
    ///
    /// # Errors
    ///
    /// See [`SplunkError`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = splunk_simulator::Simulator::start()?;
    /// # let config = splunk_client::SplunkConfig::from_lookup(|name| match name {
    /// #     "SPLUNK_SCHEME" => Some("http".to_owned()),
    /// #     "SPLUNK_HOST" => Some(simulator.host()),
    /// #     "SPLUNK_PORT" => Some(simulator.port().to_string()),
    /// #     "SPLUNK_TOKEN" => Some(simulator.token().to_owned()),
    /// #     _ => None,
    /// # })?;
    /// # let client = splunk_client::SplunkClient::new(config)?;
    /// let info = client.server_info().await?;
    /// assert!(info.version.starts_with("9."));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn server_info(&self) -> Result<ServerInfo, SplunkError> {
        let request = Request::new(Method::GET, "/services/server/info");
        self.send(Operation::ServerInfo, request).await
    }
}

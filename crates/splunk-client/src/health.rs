//! `server.health`: how splunkd is.

use reqwest::Method;
use serde::Serialize;

use crate::client::SplunkClient;
use crate::error::SplunkError;
use crate::message::Secrets;
use crate::operation::Operation;
use crate::reply::{self, Reply};
use crate::send::Request;

/// How splunkd is, as its own health report says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The worst of its features.
    pub status: HealthStatus,
}

/// The colour of a health report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HealthStatus {
    /// All is well.
    Green,
    /// Something may need attention.
    Yellow,
    /// Something does not work.
    Red,
    /// Splunk says something else, such as `disabled`.
    Unknown,
}

impl Reply for Health {
    fn decode(body: &[u8], _: &Secrets<'_>) -> Result<Self, String> {
        let text = reply::entry(body)?
            .text("health")
            .ok_or_else(|| "there is no health".to_owned())?;
        let status = match text.to_ascii_lowercase().as_str() {
            "green" => HealthStatus::Green,
            "yellow" => HealthStatus::Yellow,
            "red" => HealthStatus::Red,
            _ => HealthStatus::Unknown,
        };
        Ok(Self { status })
    }
}

impl SplunkClient {
    /// Asks splunkd how it is.
    ///
    /// Calls [`GET server/health/splunkd`](https://docs.splunk.com/Documentation/Splunk/latest/RESTREF/RESTintrospect#server.2Fhealth.2Fsplunkd).
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
    /// use splunk_client::HealthStatus;
    ///
    /// assert_eq!(client.health().await?.status, HealthStatus::Green);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn health(&self) -> Result<Health, SplunkError> {
        let request = Request::new(Method::GET, "/services/server/health/splunkd");
        self.send(Operation::ServerHealth, request).await
    }
}

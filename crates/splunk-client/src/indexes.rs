//! `indexes.list`: the indexes there are.

use reqwest::Method;
use serde::Serialize;

use crate::client::SplunkClient;
use crate::error::SplunkError;
use crate::message::Secrets;
use crate::operation::Operation;
use crate::reply::{self, Entry, Reply};
use crate::send::Request;

/// An index of Splunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Index {
    /// Its name.
    pub name: String,
    /// How many events it has.
    pub total_event_count: Option<u64>,
    /// How large it is now, in megabytes.
    pub current_size_mb: Option<u64>,
    /// How large it may grow, in megabytes.
    pub max_size_mb: Option<u64>,
    /// The time of its oldest event, as Splunk writes it.
    pub earliest_time: Option<String>,
    /// The time of its newest event, as Splunk writes it.
    pub latest_time: Option<String>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// Whether it is one of Splunk's own.
    pub internal: bool,
}

impl From<Entry> for Index {
    fn from(entry: Entry) -> Self {
        Self {
            total_event_count: entry.number("totalEventCount"),
            current_size_mb: entry.number("currentDBSizeMB"),
            max_size_mb: entry.number("maxTotalDataSizeMB"),
            earliest_time: entry.text("minTime"),
            latest_time: entry.text("maxTime"),
            disabled: entry.flag("disabled").unwrap_or(false),
            internal: entry
                .flag("isInternal")
                .unwrap_or_else(|| entry.name.starts_with('_')),
            name: entry.name,
        }
    }
}

struct Indexes(Vec<Index>);

impl Reply for Indexes {
    fn decode(body: &[u8], _: &Secrets<'_>) -> Result<Self, String> {
        let entries = reply::entries(body)?;
        Ok(Self(entries.into_iter().map(Index::from).collect()))
    }

    fn count(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

impl SplunkClient {
    /// Lists all indexes that the user may see.
    ///
    /// Calls [`GET data/indexes`](https://docs.splunk.com/Documentation/Splunk/latest/RESTREF/RESTintrospect#data.2Findexes)
    /// across all apps.
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
    /// let indexes = client.list_indexes().await?;
    /// assert!(indexes.iter().any(|index| index.name == "main"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_indexes(&self) -> Result<Vec<Index>, SplunkError> {
        let request = Request::new(Method::GET, "/servicesNS/-/-/data/indexes")
            // 0 means all.
            .with_query("count", "0");
        let Indexes(indexes) = self.send(Operation::IndexesList, request).await?;
        Ok(indexes)
    }
}

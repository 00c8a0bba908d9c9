//! `search.oneshot`: a search that answers with its results.

use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::client::SplunkClient;
use crate::error::SplunkError;
use crate::message::{Secrets, SplunkMessage, of_json};
use crate::operation::Operation;
use crate::reply::{Reply, not_json};
use crate::send::Request;

/// A search and its bounds.
///
/// ```
/// use splunk_client::Search;
///
/// let search = Search::new("index=main error").with_earliest("-24h@h").with_max_count(50);
/// assert_eq!(search.spl(), "search index=main error");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Search {
    /// The search in SPL. Without a command at its start it is one of the `search` command.
    pub query: String,
    /// The beginning of the time range, in any form Splunk takes, such as `-24h@h`; nothing for all time.
    pub earliest: Option<String>,
    /// The end of the time range, exclusive; nothing for now.
    pub latest: Option<String>,
    /// The most rows to answer with; 0 means as many as Splunk gives.
    pub max_count: u32,
    /// How long the call may take, instead of what the settings say.
    pub timeout: Option<Duration>,
}

impl Search {
    /// A search over all time with at most 100 rows.
    #[must_use]
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            earliest: None,
            latest: None,
            max_count: 100,
            timeout: None,
        }
    }

    /// Sets the beginning of the time range.
    #[must_use]
    pub fn with_earliest(mut self, earliest: impl Into<String>) -> Self {
        self.earliest = Some(earliest.into());
        self
    }

    /// Sets the end of the time range.
    #[must_use]
    pub fn with_latest(mut self, latest: impl Into<String>) -> Self {
        self.latest = Some(latest.into());
        self
    }

    /// Sets the most rows to answer with; 0 means as many as Splunk gives.
    #[must_use]
    pub fn with_max_count(mut self, max_count: u32) -> Self {
        self.max_count = max_count;
        self
    }

    /// Sets how long the call may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The search as it is sent: with the `search` command before it, unless it starts with that or with a pipe.
    ///
    /// The REST API takes the first word for a command, where Splunk's own pages put `search` before it. An empty
    /// search stays empty: Splunk refuses it, while a bare `search` would find everything.
    #[must_use]
    pub fn spl(&self) -> String {
        let query = self.query.trim();
        if query.is_empty() || query.starts_with('|') || starts_with_search(query) {
            query.to_owned()
        } else {
            format!("search {query}")
        }
    }
}

/// Whether the `search` command is at the start, and not a field or word that begins alike.
fn starts_with_search(query: &str) -> bool {
    const COMMAND: &str = "search";
    let Some((start, rest)) = query.split_at_checked(COMMAND.len()) else {
        return false;
    };
    let ends = |next: char| next.is_whitespace() || matches!(next, '(' | '"' | '|' | '`' | '[');
    start.eq_ignore_ascii_case(COMMAND) && rest.chars().next().is_none_or(ends)
}

/// What a search has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SearchResults {
    /// The rows: field names with a string, or an array of strings for several values.
    pub rows: Vec<Map<String, Value>>,
    /// The names of the columns, in Splunk's order.
    pub fields: Vec<String>,
    /// What Splunk says beside the rows, such as warnings.
    pub messages: Vec<SplunkMessage>,
}

impl Reply for SearchResults {
    fn decode(body: &[u8], secrets: &Secrets<'_>) -> Result<Self, String> {
        // Some versions answer with no body when nothing is found.
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let mut map: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| not_json(&error))?;
        let messages = of_json(map.get("messages"), secrets);
        let rows = match map.remove("results") {
            Some(Value::Array(rows)) => rows,
            None if map.contains_key("messages") => Vec::new(),
            _ => return Err("there is no list of results".to_owned()),
        };
        let rows = rows
            .into_iter()
            .map(|row| match row {
                Value::Object(row) => Ok(row),
                _ => Err("a result is not an object".to_owned()),
            })
            .collect::<Result<_, _>>()?;
        let fields = map.get("fields").and_then(Value::as_array);
        let fields = fields
            .into_iter()
            .flatten()
            // `{"name": "host"}`, or `"host"` in older versions.
            .filter_map(|field| field.get("name").unwrap_or(field).as_str())
            .map(ToOwned::to_owned)
            .collect();
        Ok(Self {
            rows,
            fields,
            messages,
        })
    }

    fn count(&self) -> Option<usize> {
        Some(self.rows.len())
    }

    fn failure(&self) -> Option<Vec<SplunkMessage>> {
        let fatal = self
            .messages
            .iter()
            .any(|message| message.severity == "FATAL");
        fatal.then(|| self.messages.clone())
    }
}

impl SplunkClient {
    /// Runs a search and waits for its results.
    ///
    /// Calls [`POST search/jobs`](https://docs.splunk.com/Documentation/Splunk/latest/RESTREF/RESTsearch#search.2Fjobs)
    /// with `exec_mode=oneshot`.
    ///
    /// # Errors
    ///
    /// See [`SplunkError`]: [`BadRequest`](SplunkError::BadRequest) for a search that Splunk refuses,
    /// [`SearchFailed`](SplunkError::SearchFailed) for one that fails while it runs,
    /// [`Timeout`](SplunkError::Timeout) for one that takes too long.
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
    /// use splunk_client::Search;
    ///
    /// let search = Search::new("index=main | stats count by status").with_earliest("-1h");
    /// let found = client.oneshot_search(&search).await?;
    /// assert_eq!(found.fields, ["status", "count"]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn oneshot_search(&self, search: &Search) -> Result<SearchResults, SplunkError> {
        let mut request = Request::new(Method::POST, "/services/search/jobs")
            .with_form("search", search.spl())
            .with_form("exec_mode", "oneshot")
            .with_form("count", search.max_count.to_string())
            .with_timeout(search.timeout);
        if let Some(earliest) = &search.earliest {
            request = request.with_form("earliest_time", earliest);
        }
        if let Some(latest) = &search.latest {
            request = request.with_form("latest_time", latest);
        }
        self.send(Operation::SearchOneshot, request).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn puts_the_command_before_a_bare_search() {
        for (query, expected) in [
            ("index=main", "search index=main"),
            ("  index=main  ", "search index=main"),
            ("search index=main", "search index=main"),
            ("SEARCH\tindex=main", "SEARCH\tindex=main"),
            ("search(a)", "search(a)"),
            ("search", "search"),
            ("searching", "search searching"),
            ("search=x", "search search=x"),
            ("search_id=1", "search search_id=1"),
            ("| makeresults", "| makeresults"),
            ("`macro`", "search `macro`"),
            ("é", "search é"),
            ("seärch x", "search seärch x"),
            ("", ""),
            ("   ", ""),
        ] {
            assert_eq!(Search::new(query).spl(), expected, "{query:?}");
        }
    }

    fn decode(body: &str) -> Result<SearchResults, String> {
        SearchResults::decode(body.as_bytes(), &Secrets::default())
    }

    #[test]
    fn reads_results_of_any_make() {
        let body = json!({
            "messages": [{"type": "WARN", "text": "slow"}],
            "fields": [{"name": "host"}, "old", 7],
            "results": [{"host": "a", "user": ["x", "y"]}],
        });
        let results = decode(&body.to_string()).unwrap();
        assert_eq!(results.fields, ["host", "old"]);
        assert_eq!(results.rows[0]["user"], json!(["x", "y"]));
        assert_eq!(results.messages[0].to_string(), "WARN: slow");
        assert_eq!(decode(" \n"), Ok(SearchResults::default()));
        assert_eq!(decode("{\"messages\":[]}"), Ok(SearchResults::default()));
    }

    #[test]
    fn refuses_what_is_no_result() {
        for body in [
            "[]",
            "{}",
            "{\"results\": 5}",
            "{\"results\": [5]}",
            "<xml/>",
        ] {
            assert!(decode(body).is_err(), "{body}");
        }
    }
}

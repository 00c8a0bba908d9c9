//! What the tests share: settings for a simulator, and a client from them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "not every test file uses every helper")]

use splunk_client::{SplunkClient, SplunkConfig};
use splunk_simulator::Simulator;

/// Settings of these pairs, and nothing else.
pub(crate) fn config(pairs: &[(&str, &str)]) -> SplunkConfig {
    SplunkConfig::from_lookup(|name| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    })
    .unwrap()
}

/// Settings for a simulator, with these pairs for the credentials.
pub(crate) fn config_for(simulator: &Simulator, credentials: &[(&str, &str)]) -> SplunkConfig {
    let (host, port) = (simulator.host(), simulator.port().to_string());
    let mut pairs = vec![
        ("SPLUNK_SCHEME", "http"),
        ("SPLUNK_HOST", &host),
        ("SPLUNK_PORT", &port),
    ];
    pairs.extend(credentials);
    config(&pairs)
}

/// A client that uses the simulator's token.
pub(crate) fn with_token(simulator: &Simulator) -> SplunkClient {
    SplunkClient::new(config_for(
        simulator,
        &[("SPLUNK_TOKEN", simulator.token())],
    ))
    .unwrap()
}

/// A client that logs in as this user.
pub(crate) fn with_login(simulator: &Simulator, password: &str) -> SplunkClient {
    SplunkClient::new(config_for(
        simulator,
        &[
            ("SPLUNK_USERNAME", simulator.username()),
            ("SPLUNK_PASSWORD", password),
        ],
    ))
    .unwrap()
}

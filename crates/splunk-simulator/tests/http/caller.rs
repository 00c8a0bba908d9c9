//! Calling a simulator.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use splunk_simulator::Simulator;

/// A simulator and an HTTP client that calls it.
pub(crate) struct Caller {
    pub(crate) simulator: Simulator,
    client: Client,
}

impl Caller {
    pub(crate) fn new() -> Self {
        // Fails only when a test before this one has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            simulator: Simulator::start().unwrap(),
            client: Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .unwrap(),
        }
    }

    /// A request without credentials.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.simulator.base_url()))
    }

    /// A GET with the token.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.anonymous(Method::GET, path)
            .bearer_auth(self.simulator.token())
    }

    /// A POST of a form with the token.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        self.anonymous(Method::POST, path)
            .bearer_auth(self.simulator.token())
            .form(form)
    }

    /// What a GET with the token answers, which is JSON.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// The answer to a search that waits for its results.
    pub(crate) async fn oneshot(&self, search: &str) -> Response {
        let form = [
            ("search", search),
            ("exec_mode", "oneshot"),
            ("output_mode", "json"),
        ];
        self.post("/services/search/jobs", &form)
            .send()
            .await
            .unwrap()
    }
}

/// The status that answers a request.
pub(crate) async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

/// The text that answers a request.
pub(crate) async fn text(request: RequestBuilder) -> String {
    request.send().await.unwrap().text().await.unwrap()
}

/// The JSON that answers a request.
pub(crate) async fn json(request: RequestBuilder) -> Value {
    request.send().await.unwrap().json().await.unwrap()
}

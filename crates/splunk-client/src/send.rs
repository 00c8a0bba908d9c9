//! The one way to Splunk: every call goes through [`SplunkClient::send`].

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Method, StatusCode};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::classify;
use crate::client::SplunkClient;
use crate::error::SplunkError;
use crate::message::of_error_body;
use crate::operation::Operation;
use crate::reply::Reply;
use crate::session::Authorization;
use crate::trace;

/// What to send, before it has a server and an authorization.
///
/// It has no `Debug`: the form of a log-in holds a password.
pub(crate) struct Request {
    method: Method,
    path: &'static str,
    query: Vec<(&'static str, String)>,
    form: Vec<(&'static str, String)>,
    timeout: Option<Duration>,
}

impl Request {
    /// A request that is to be answered in JSON.
    pub(crate) fn new(method: Method, path: &'static str) -> Self {
        Self {
            method,
            path,
            query: vec![("output_mode", "json".to_owned())],
            form: Vec::new(),
            timeout: None,
        }
    }

    pub(crate) fn with_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(crate) fn with_form(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.form.push((name, value.into()));
        self
    }

    /// The search among what is sent, if there is one.
    pub(crate) fn search(&self) -> Option<&str> {
        let search = self.form.iter().find(|(name, _)| *name == "search");
        search.map(|(_, spl)| spl.as_str())
    }

    /// Allows the call this much time instead of what the settings say.
    pub(crate) fn with_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = timeout;
        self
    }
}

/// An operation that runs, and the time that it has for all of its requests.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    pub(crate) operation: Operation,
    pub(crate) limit: Duration,
    since: Instant,
}

impl Running {
    /// Whether the time is over: what ends now was cut off.
    pub(crate) fn is_over(&self) -> bool {
        self.since.elapsed() >= self.limit
    }
}

/// A complete answer of any status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl SplunkClient {
    /// Does one operation: authorization, exchange, one repetition with a new session, and the reading of the answer,
    /// all within one time limit.
    pub(crate) async fn send<R: Reply>(
        &self,
        operation: Operation,
        request: Request,
    ) -> Result<R, SplunkError> {
        let limit = request.timeout.unwrap_or(self.inner.config.timeout);
        let call = async {
            let running = Running {
                operation,
                limit,
                since: Instant::now(),
            };
            let outcome = tokio::time::timeout(limit, self.call(running, &request)).await;
            outcome.unwrap_or_else(|_| Err(self.timed_out(running)))
        };
        trace::operation(self, operation, &request)
            .run(call, trace::outcome)
            .await
    }

    /// The error of an operation whose time is over.
    pub(crate) fn timed_out(&self, running: Running) -> SplunkError {
        SplunkError::Timeout {
            operation: running.operation,
            address: self.inner.base_url.clone(),
            after: running.limit,
        }
    }

    async fn call<R: Reply>(&self, running: Running, request: &Request) -> Result<R, SplunkError> {
        let operation = running.operation;
        let mut authorization = self.authorization(running, None).await?;
        let mut answer = self
            .exchange(running, request, Some(&authorization))
            .await?;
        if answer.status == StatusCode::UNAUTHORIZED && authorization.is_renewable() {
            tracing::debug!(%operation, "Splunk has ended the session; logging in again");
            authorization = self.authorization(running, Some(&authorization)).await?;
            answer = self
                .exchange(running, request, Some(&authorization))
                .await?;
        }

        let secrets = self.secrets(Some(&authorization));
        let status = answer.status.as_u16();
        if !answer.status.is_success() {
            trace::answered(status, None);
            let messages = of_error_body(&answer.body, &secrets);
            return Err(classify::status(operation, answer.status, messages));
        }
        let reply = R::decode(&answer.body, &secrets).map_err(|reason| SplunkError::Decode {
            operation,
            status,
            reason,
        })?;
        trace::answered(status, reply.count());
        match reply.failure() {
            Some(messages) => Err(SplunkError::SearchFailed {
                operation,
                messages,
            }),
            None => Ok(reply),
        }
    }

    /// One HTTP request and its whole answer.
    pub(crate) async fn exchange(
        &self,
        running: Running,
        request: &Request,
        authorization: Option<&Authorization>,
    ) -> Result<Answer, SplunkError> {
        let inner = &self.inner;
        let operation = running.operation;
        let failed = |error: &reqwest::Error| {
            classify::transport(
                operation,
                inner.base_url.clone(),
                inner.config.connect_timeout,
                error,
            )
        };
        let url = format!("{}{}", inner.base_url, request.path);
        let mut builder = inner
            .http
            .request(request.method.clone(), url)
            .query(&request.query);
        if let Some(authorization) = authorization {
            builder = builder.header(AUTHORIZATION, authorization.header.clone());
        }
        if !request.form.is_empty() {
            builder = builder.form(&request.form);
        }
        let mut built = builder.build().map_err(|error| failed(&error))?;
        let call = trace::exchange(self, running, &mut built, request.path);
        let answer = async {
            let response = inner.http.execute(built).await?;
            call.respond(response.status(), response.version());
            self.read(response).await
        };
        let answer = answer.instrument(call.span().clone()).await;
        let answer = answer.map_err(|error| failed(&error));
        call.end(answer.as_ref().err());
        match answer? {
            (status, Some(body)) => Ok(Answer { status, body }),
            (status, None) => Err(SplunkError::TooLarge {
                operation,
                status: status.as_u16(),
                limit: inner.config.response_limit,
            }),
        }
    }

    /// The body of a response; nothing where it is larger than allowed.
    async fn read(
        &self,
        mut response: reqwest::Response,
    ) -> Result<(StatusCode, Option<Vec<u8>>), reqwest::Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > self.inner.config.response_limit {
                return Ok((response.status(), None));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), Some(body)))
    }
}

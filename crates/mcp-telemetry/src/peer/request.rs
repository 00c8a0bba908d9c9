//! Requests of any kind, and the handle of one that waits for its response.

use rmcp::model::{
    CancelledNotificationParam, Extensions, GetExtensions as _, GetMeta as _, JsonObject,
    MetaObject, ProgressToken, RequestId,
};
use rmcp::service::{PeerRequestOptions, RequestHandle, ServiceError, ServiceRole};
use tracing::Instrument as _;

use super::role::{Notice, Role};
use super::sending::Sending;
use super::{McpTransport, TracedPeer};
use crate::mcp::{Outcome, cancelled};

#[expect(private_bounds, reason = "rmcp has two roles, and so has this")]
impl<R: Role> TracedPeer<'_, R> {
    /// Sends a request and waits for its response: [`Peer::send_request`] as a span.
    ///
    /// # Errors
    ///
    /// Those of [`Peer::send_request`].
    ///
    /// [`Peer::send_request`]: rmcp::service::Peer::send_request
    pub async fn send_request(self, request: R::Req) -> Result<R::PeerResp, ServiceError> {
        let options = PeerRequestOptions::no_options();
        let sent = self.send_request_with_option(request, options).await?;
        sent.await_response().await
    }

    /// Sends a request; the span ends with what becomes of the handle.
    ///
    /// # Errors
    ///
    /// Those of [`Peer::send_request_with_option`].
    ///
    /// [`Peer::send_request_with_option`]: rmcp::service::Peer::send_request_with_option
    pub async fn send_request_with_option(
        self,
        mut request: R::Req,
        options: PeerRequestOptions,
    ) -> Result<TracedRequest<R>, ServiceError> {
        let mut sending = Sending::request(&self, R::operation(&request));
        let beside = (request.extensions().get(), options.meta.as_ref());
        let own = R::params_meta(&request).into_iter();
        let own = own.chain(legacy_meta(request.extensions()));
        let own = own.chain([beside.0, beside.1].into_iter().flatten().map(|it| &it.0.0));
        let fields = sending.fields(own);
        if !fields.is_empty() {
            request.get_meta_mut().0.0.extend(fields);
        }
        let send = self.peer.send_request_with_option(request, options);
        match send.instrument(sending.span().clone()).await {
            Ok(handle) => {
                sending.identify(&handle.id);
                Ok(TracedRequest {
                    handle,
                    sending,
                    transport: self.transport,
                })
            }
            Err(error) => {
                sending.fail(&error);
                Err(error)
            }
        }
    }

    /// As [`send_request_with_option`](Self::send_request_with_option).
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn send_cancellable_request(
        self,
        request: R::Req,
        options: PeerRequestOptions,
    ) -> Result<TracedRequest<R>, ServiceError> {
        self.send_request_with_option(request, options).await
    }
}

/// The `_meta` that older versions of rmcp put beside a message's parameters.
pub(super) fn legacy_meta(extensions: &Extensions) -> Option<&JsonObject> {
    extensions.get::<MetaObject>().map(|meta| &meta.0)
}

/// A request that was sent, and the span that waits for its response: rmcp's
/// [`RequestHandle`], traced.
///
/// Dropped, it ends its span as cancelled. As in rmcp that tells the peer nothing:
/// [`cancel`](Self::cancel) does.
///
/// ```
/// use std::time::Duration;
///
/// use mcp_telemetry::PeerExt as _;
/// use rmcp::model::{ClientRequest, PingRequest, ServerResult};
/// use rmcp::service::{Peer, PeerRequestOptions, RoleClient, ServiceError};
///
/// async fn ping(server: &Peer<RoleClient>) -> Result<ServerResult, ServiceError> {
///     let options = PeerRequestOptions::with_timeout(Duration::from_secs(2));
///     let ping = ClientRequest::PingRequest(PingRequest::default());
///     let sent = server.traced().send_request_with_option(ping, options).await?;
///     sent.await_response().await
/// }
/// ```
#[derive(Debug)]
#[must_use = "dropping a request cancels its span"]
pub struct TracedRequest<R: ServiceRole> {
    handle: RequestHandle<R>,
    sending: Sending,
    transport: Option<McpTransport>,
}

impl<R: ServiceRole> TracedRequest<R> {
    /// The JSON-RPC id.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        &self.handle.id
    }

    /// The token with which the peer tells of its progress.
    #[must_use]
    pub fn progress_token(&self) -> &ProgressToken {
        &self.handle.progress_token
    }
}

#[expect(private_bounds, reason = "rmcp has two roles, and so has this")]
impl<R: Role> TracedRequest<R> {
    /// Waits for the response, and ends the span as it says.
    ///
    /// # Errors
    ///
    /// Those of [`RequestHandle::await_response`].
    pub async fn await_response(self) -> Result<R::PeerResp, ServiceError> {
        let response = self.handle.await_response();
        self.sending.observe(response).await
    }

    /// Tells the peer that nobody waits any more, which is a span of its own. rmcp writes that
    /// message: it carries no trace context.
    ///
    /// # Errors
    ///
    /// Those of [`RequestHandle::cancel`].
    pub async fn cancel(self, reason: Option<String>) -> Result<(), ServiceError> {
        drop(self.sending);
        let params = CancelledNotificationParam::new(Some(self.handle.id.clone()), reason.clone());
        let notice = Notice {
            method: "notifications/cancelled",
            facts: cancelled(&params),
            meta: None,
        };
        let peer = self.handle.peer.clone();
        let sender = TracedPeer {
            peer: &peer,
            transport: self.transport,
        };
        let telling = Sending::notification(&sender, notice);
        let told = self.handle.cancel(reason);
        telling
            .observe_with(told, |_, ()| (Outcome::Success, Vec::new()))
            .await
    }
}

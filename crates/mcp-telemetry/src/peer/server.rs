//! What a server sends its client.

#![expect(
    deprecated,
    reason = "what rmcp deprecates is still sent to older clients"
)]

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::RoleServer;
use rmcp::model::{
    ClientResult, CreateMessageRequest, CreateMessageRequestParams, CreateMessageResult,
    ElicitRequest, ElicitRequestParams, ElicitResult, ListRootsRequest, ListRootsResult,
    LoggingMessageNotification, LoggingMessageNotificationParam, PingRequest, ProgressNotification,
    ProgressNotificationParam, PromptListChangedNotification, ResourceListChangedNotification,
    ResourceUpdatedNotification, ResourceUpdatedNotificationParam, ServerRequest,
    ToolListChangedNotification,
};
use rmcp::service::{PeerRequestOptions, ServiceError};

use super::TracedPeer;
use super::notification::notifications;

/// Requests and notifications of a server. Protocol versions from 2026-07-28 on have no such
/// requests: rmcp refuses them.
impl TracedPeer<'_, RoleServer> {
    /// Asks the client's model: `sampling/createMessage`.
    ///
    /// # Errors
    ///
    /// Those of `Peer::create_message`.
    #[deprecated(note = "sampling is deprecated by SEP-2577, and in rmcp")]
    pub async fn create_message(
        self,
        params: CreateMessageRequestParams,
    ) -> Result<CreateMessageResult, ServiceError> {
        self.check(&params).map_err(ServiceError::McpError)?;
        let request = CreateMessageRequest::new(params);
        match self.send_request(request.into()).await? {
            ClientResult::CreateMessageResult(result) => Ok(*result),
            _ => Err(ServiceError::UnexpectedResponse),
        }
    }

    /// What rmcp checks before it sends `sampling/createMessage`, in the same words.
    fn check(self, params: &CreateMessageRequestParams) -> Result<(), ErrorData> {
        let with_tools = params.tools.is_some() || params.tool_choice.is_some();
        if with_tools && !self.peer.supports_sampling_tools() {
            return Err(ErrorData::invalid_params(
                "tools or toolChoice provided but client does not support sampling tools capability",
                None,
            ));
        }
        params
            .validate()
            .map_err(|error| ErrorData::invalid_params(error, None))
    }

    /// Asks for the client's roots: `roots/list`.
    ///
    /// # Errors
    ///
    /// Those of `Peer::list_roots`.
    #[deprecated(note = "roots are deprecated by SEP-2577, and in rmcp")]
    pub async fn list_roots(self) -> Result<ListRootsResult, ServiceError> {
        let request = ListRootsRequest::default();
        match self.send_request(request.into()).await? {
            ClientResult::ListRootsResult(result) => Ok(result),
            _ => Err(ServiceError::UnexpectedResponse),
        }
    }

    /// Asks the client's user: `elicitation/create`.
    ///
    /// # Errors
    ///
    /// Those of [`send_request`](Self::send_request), and
    /// [`ServiceError::UnexpectedResponse`].
    pub async fn create_elicitation(
        self,
        params: ElicitRequestParams,
    ) -> Result<ElicitResult, ServiceError> {
        self.create_elicitation_with_timeout(params, None).await
    }

    /// Asks the client's user, and waits so long.
    ///
    /// # Errors
    ///
    /// Those of [`create_elicitation`](Self::create_elicitation), and
    /// [`ServiceError::Timeout`].
    pub async fn create_elicitation_with_timeout(
        self,
        params: ElicitRequestParams,
        timeout: Option<Duration>,
    ) -> Result<ElicitResult, ServiceError> {
        let mut options = PeerRequestOptions::no_options();
        options.timeout = timeout;
        let request = ServerRequest::ElicitRequest(ElicitRequest::new(params));
        let sent = self.send_request_with_option(request, options).await?;
        match sent.await_response().await? {
            ClientResult::ElicitResult(result) => Ok(result),
            _ => Err(ServiceError::UnexpectedResponse),
        }
    }

    /// Asks whether the client is there: `ping`.
    ///
    /// # Errors
    ///
    /// Those of [`send_request`](Self::send_request), and
    /// [`ServiceError::UnexpectedResponse`].
    pub async fn ping(self) -> Result<(), ServiceError> {
        let request = PingRequest::default();
        match self.send_request(request.into()).await? {
            ClientResult::EmptyResult(_) => Ok(()),
            _ => Err(ServiceError::UnexpectedResponse),
        }
    }

    notifications! {
        notify_progress(params: ProgressNotificationParam)
            = "notifications/progress" ProgressNotification;
        #[deprecated(note = "logging is deprecated by SEP-2577, and in rmcp")]
        notify_logging_message(params: LoggingMessageNotificationParam)
            = "notifications/message" LoggingMessageNotification;
        notify_resource_updated(params: ResourceUpdatedNotificationParam)
            = "notifications/resources/updated" ResourceUpdatedNotification;
        notify_resource_list_changed()
            = "notifications/resources/list_changed" ResourceListChangedNotification;
        notify_tool_list_changed()
            = "notifications/tools/list_changed" ToolListChangedNotification;
        notify_prompt_list_changed()
            = "notifications/prompts/list_changed" PromptListChangedNotification;
    }
}

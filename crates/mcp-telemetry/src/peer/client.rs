//! What a client sends its server.

#![expect(
    deprecated,
    reason = "what rmcp deprecates is still sent to older servers"
)]

use std::num::NonZeroUsize;

use opentelemetry::KeyValue;
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams,
    CompleteRequestParams, CompleteResult, DiscoverResult, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, GetSkillRequestParams, GetSkillResult, GetTaskParams,
    GetTaskResult, InitializedNotification, ListPromptsResult, ListResourceTemplatesResult,
    ListResourcesResult, ListSkillsResult, ListToolsResult, PaginatedRequestParams, PingRequest,
    ProgressNotification, ProgressNotificationParam, Prompt, ReadResourceDirectoryRequestParams,
    ReadResourceDirectoryResult, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, RequestMetaObject, RequestParamsMeta, Resource, ResourceTemplate,
    RootsListChangedNotification, ServerResult, SetLevelRequestParams, Skill,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{ServiceError, Subscription};

use super::TracedPeer;
use super::notification::notifications;
use super::sending::Sending;
use crate::attributes as names;
use crate::mcp::{Operation, Outcome, id};

/// Starts a request that a method of rmcp's will send, with its trace context inside its
/// parameters.
pub(super) fn start<P: crate::mcp::Params + RequestParamsMeta>(
    sender: &TracedPeer<'_, RoleClient>,
    method: &'static str,
    params: &mut P,
) -> Sending {
    let sending = Sending::request(sender, Operation::new(method, params));
    let fields = sending.fields(params.meta().map(|meta| &meta.0.0));
    if !fields.is_empty() {
        params.meta_or_default().0.0.extend(fields);
    }
    sending
}

/// As [`start`], for a page of a list.
fn start_page(
    sender: &TracedPeer<'_, RoleClient>,
    method: &'static str,
    page: &mut Option<PaginatedRequestParams>,
) -> Sending {
    let sending = Sending::request(sender, Operation::new(method, page));
    let own = page.as_ref().and_then(|page| page.meta.as_ref());
    let fields = sending.fields(own.map(|meta| &meta.0.0));
    if !fields.is_empty() {
        let page = page.get_or_insert_default();
        page.meta_or_default().0.0.extend(fields);
    }
    sending
}

/// Requests with parameters, each by the name and with the types that it has in rmcp.
macro_rules! requests {
    ($($(#[$attribute:meta])* $name:ident($params:ty) -> $result:ty = $method:literal;)*) => {
        $(
            #[doc = concat!("Sends `", $method, "`: `Peer::", stringify!($name), "` as a span.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of `Peer::", stringify!($name), "`.")]
            $(#[$attribute])*
            pub async fn $name(self, mut params: $params) -> Result<$result, ServiceError> {
                let sending = start(&self, $method, &mut params);
                sending.observe(self.peer.$name(params)).await
            }
        )*
    };
}

/// Lists: one page, and all pages one after the other.
macro_rules! lists {
    ($($name:ident and $all:ident -> $result:ident of $field:ident: $item:ty = $method:literal;)*) => {
        $(
            #[doc = concat!("Sends `", $method, "`: `Peer::", stringify!($name), "` as a span.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of `Peer::", stringify!($name), "`.")]
            pub async fn $name(
                self,
                mut params: Option<PaginatedRequestParams>,
            ) -> Result<$result, ServiceError> {
                let sending = start_page(&self, $method, &mut params);
                sending.observe(self.peer.$name(params)).await
            }

            #[doc = concat!("Sends `", $method, "` until every page is there; each is a span.")]
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of [`", stringify!($name), "`](Self::", stringify!($name), ").")]
            pub async fn $all(self) -> Result<Vec<$item>, ServiceError> {
                let mut items = Vec::new();
                let mut cursor = None;
                loop {
                    let page = PaginatedRequestParams::default().with_cursor(cursor);
                    let page = self.$name(Some(page)).await?;
                    items.extend(page.$field);
                    cursor = page.next_cursor;
                    if cursor.is_none() {
                        return Ok(items);
                    }
                }
            }
        )*
    };
}

/// Requests and notifications of a client. Those that have a name of their own are sent by
/// rmcp's method of that name, with its checks, its cache and its message to the server when
/// the call is dropped. rmcp does not tell their JSON-RPC id: [`send_request`](Self::send_request)
/// does.
///
/// rmcp may answer lists, resources and `discover` from its cache, and an older answer may stand in
/// for one that failed. It tells neither: such a call has a span and a duration like any other.
impl TracedPeer<'_, RoleClient> {
    requests! {
        call_tool(CallToolRequestParams) -> CallToolResult = "tools/call";
        call_tool_once(CallToolRequestParams) -> CallToolResponse = "tools/call";
        get_prompt(GetPromptRequestParams) -> GetPromptResult = "prompts/get";
        get_prompt_once(GetPromptRequestParams) -> GetPromptResponse = "prompts/get";
        read_resource(ReadResourceRequestParams) -> ReadResourceResult
            = "resources/read";
        read_resource_once(ReadResourceRequestParams) -> ReadResourceResponse
            = "resources/read";
        complete(CompleteRequestParams) -> CompleteResult = "completion/complete";
        #[deprecated(note = "logging is deprecated by SEP-2577, and in rmcp")]
        set_level(SetLevelRequestParams) -> () = "logging/setLevel";
        #[deprecated(note = "for protocol versions before 2026-07-28; later ones have `listen`")]
        subscribe(SubscribeRequestParams) -> () = "resources/subscribe";
        #[deprecated(note = "for protocol versions before 2026-07-28; later ones have `listen`")]
        unsubscribe(UnsubscribeRequestParams) -> () = "resources/unsubscribe";
        get_task(GetTaskParams) -> GetTaskResult = "tasks/get";
        update_task(UpdateTaskParams) -> () = "tasks/update";
        cancel_task(CancelTaskParams) -> () = "tasks/cancel";
        get_skill(GetSkillRequestParams) -> GetSkillResult = "skills/get";
        read_resource_directory(ReadResourceDirectoryRequestParams) -> ReadResourceDirectoryResult
            = "resources/directory/read";
    }

    lists! {
        list_tools and list_all_tools -> ListToolsResult of tools: Tool = "tools/list";
        list_prompts and list_all_prompts -> ListPromptsResult of prompts: Prompt = "prompts/list";
        list_resources and list_all_resources -> ListResourcesResult of resources: Resource
            = "resources/list";
        list_resource_templates and list_all_resource_templates -> ListResourceTemplatesResult
            of resource_templates: ResourceTemplate = "resources/templates/list";
        list_skills and list_all_skills -> ListSkillsResult of skills: Skill = "skills/list";
    }

    /// Sends `server/discover`: `Peer::discover` as a span.
    ///
    /// # Errors
    ///
    /// Those of `Peer::discover`.
    pub async fn discover(
        self,
        mut meta: RequestMetaObject,
    ) -> Result<DiscoverResult, ServiceError> {
        let operation = Operation::new("server/discover", &());
        let sending = Sending::request(&self, operation);
        let fields = sending.fields([&meta.0.0]);
        meta.0.0.extend(fields);
        sending.observe(self.peer.discover(meta)).await
    }

    /// Asks whether the server is there: `ping`.
    ///
    /// # Errors
    ///
    /// Those of [`send_request`](Self::send_request), and
    /// [`ServiceError::UnexpectedResponse`].
    pub async fn ping(self) -> Result<(), ServiceError> {
        let request = PingRequest::default();
        match self.send_request(request.into()).await? {
            ServerResult::EmptyResult(_) => Ok(()),
            _ => Err(ServiceError::UnexpectedResponse),
        }
    }

    /// Sends `subscriptions/listen`: `Peer::listen` as a span, which ends when the server
    /// acknowledges. rmcp writes that request: it carries no trace context.
    ///
    /// # Errors
    ///
    /// Those of `Peer::listen`.
    pub async fn listen(
        self,
        notifications: SubscriptionFilter,
    ) -> Result<Subscription, ServiceError> {
        let listen = self.peer.listen(notifications);
        self.subscribing().observe_with(listen, subscribed).await
    }

    /// As [`listen`](Self::listen), with room for so many notifications.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn listen_with_capacity(
        self,
        notifications: SubscriptionFilter,
        channel_capacity: NonZeroUsize,
    ) -> Result<Subscription, ServiceError> {
        let listen = self
            .peer
            .listen_with_capacity(notifications, channel_capacity);
        self.subscribing().observe_with(listen, subscribed).await
    }

    fn subscribing(self) -> Sending {
        Sending::request(&self, Operation::new("subscriptions/listen", &()))
    }

    notifications! {
        notify_progress(params: ProgressNotificationParam)
            = "notifications/progress" ProgressNotification;
        notify_initialized() = "notifications/initialized" InitializedNotification;
        notify_roots_list_changed()
            = "notifications/roots/list_changed" RootsListChangedNotification;
    }
}

/// What an acknowledged subscription says: its id is that of its request.
fn subscribed(sending: &Sending, subscription: &Subscription) -> (Outcome, Vec<KeyValue>) {
    sending.identify(subscription.id());
    let subscription = id(subscription.id());
    let facts = vec![KeyValue::new(names::MCP_SUBSCRIPTION_ID, subscription)];
    (Outcome::Success, facts)
}

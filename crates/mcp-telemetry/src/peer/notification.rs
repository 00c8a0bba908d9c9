//! Notifications of any kind.

use opentelemetry::KeyValue;
use rmcp::model::{CancelledNotification, CancelledNotificationParam, NotificationMetaObject};
use rmcp::service::ServiceError;

use super::TracedPeer;
use super::request::legacy_meta;
use super::role::Role;
use super::sending::Sending;
use crate::attributes as names;
use crate::mcp::{Outcome, id};

#[expect(private_bounds, reason = "rmcp has two roles, and so has this")]
impl<R: Role> TracedPeer<'_, R> {
    /// Sends a notification: [`Peer::send_notification`] as a span.
    ///
    /// `MCP_TELEMETRY_NOTIFICATIONS` says which have one; by default all but `progress` and
    /// `message`, of which there may be thousands. Without a span, a notification carries no
    /// trace context.
    ///
    /// # Errors
    ///
    /// Those of [`Peer::send_notification`].
    ///
    /// [`Peer::send_notification`]: rmcp::service::Peer::send_notification
    pub async fn send_notification(self, mut notification: R::Not) -> Result<(), ServiceError> {
        let notice = R::notice(&notification);
        let in_params = notice.meta;
        let sending = Sending::notification(&self, notice);
        let extensions = R::notification_extensions(&notification);
        let beside = extensions.get::<NotificationMetaObject>();
        if let Some(subscription) = beside.and_then(NotificationMetaObject::subscription_id) {
            let subscription = id(&subscription);
            sending.note(KeyValue::new(names::MCP_SUBSCRIPTION_ID, subscription));
        }
        let own = in_params.into_iter().chain(legacy_meta(extensions));
        let fields = sending.fields(own.chain(beside.map(|meta| &meta.0.0)));
        if !fields.is_empty() {
            let extensions = R::notification_extensions_mut(&mut notification);
            let meta = extensions.get_or_insert_default::<NotificationMetaObject>();
            meta.0.0.extend(fields);
        }
        let send = self.peer.send_notification(notification);
        sending
            .observe_with(send, |_, ()| (Outcome::Success, Vec::new()))
            .await
    }

    /// `notifications/cancelled`.
    ///
    /// # Errors
    ///
    /// Those of [`send_notification`](Self::send_notification).
    pub async fn notify_cancelled(
        self,
        params: CancelledNotificationParam,
    ) -> Result<(), ServiceError> {
        let notification = CancelledNotification::new(params);
        self.send_notification(notification.into()).await
    }
}

/// Notifications of one role: the name that each has in rmcp, its method and its type.
macro_rules! notifications {
    ($($(#[$attribute:meta])* $name:ident($($params:ident: $type:ty)?) = $method:literal $notification:ident;)*) => {
        $(
            #[doc = concat!("Sends `", $method, "`.")]
            ///
            /// # Errors
            ///
            /// Those of [`send_notification`](Self::send_notification).
            $(#[$attribute])*
            pub async fn $name(self $(, $params: $type)?) -> Result<(), ServiceError> {
                let notification = $crate::peer::notification::made!($notification $($params)?);
                self.send_notification(notification.into()).await
            }
        )*
    };
}

macro_rules! made {
    ($notification:ident) => {
        $notification::default()
    };
    ($notification:ident $params:ident) => {
        $notification::new($params)
    };
}

pub(super) use {made, notifications};

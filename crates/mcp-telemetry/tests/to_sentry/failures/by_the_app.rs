//! Failures that the app reports: logs and captured errors.

use rmcp::model::{ServerCapabilities, ServerConfig, SubscriptionFilter};
use rmcp::service::SubscriptionContext;
use rmcp::{ErrorData, ServerHandler};
use serde_json::json;
use telemetry_testkit::Received;

use super::{
    CHAIN, assert_at_execution, assert_tool_failure, called, exceptions, expected_mechanism,
    mechanism, one,
};
use crate::common::DEADLINE;
use crate::common::raw::{MODERN, Wrapper};
use crate::live;

#[tokio::test]
async fn a_failure_that_is_logged() {
    let received = called("logs").await;
    assert_tool_failure(&received, "logs", &CHAIN);
    let event = one(&received);
    assert_eq!(event.text(), Some("giving up"));
    assert_eq!(event.logger.as_deref(), Some("to_sentry::failures"));
    let trail: Vec<_> = event
        .breadcrumbs
        .iter()
        .filter_map(|it| it.message.as_deref())
        .collect();
    assert_eq!(trail, ["tools/call _OTHER", "looking"]);
    // The log is one too.
    let logs = received.logs();
    assert_eq!(logs.iter().filter(|log| log.body == "giving up").count(), 1);
}

#[tokio::test]
async fn a_failure_that_is_logged_as_text() {
    let received = called("logs text").await;
    assert_tool_failure(&received, "logs text", &[("Error", "the search failed")]);
    assert_eq!(one(&received).text(), Some("giving up"));
}

#[tokio::test]
async fn a_failure_that_is_logged_on_its_way() {
    let received = called("logs twice").await;
    let cause = [("NoSuchIndex", "no such index")];
    assert_tool_failure(&received, "logs twice", &cause);
    let logs = received.logs();
    assert_eq!(logs.iter().filter(|log| log.level == "error").count(), 2);
}

#[tokio::test]
async fn a_failure_that_passes_instrumented_functions() {
    let received = called("instruments").await;
    let event = one(&received);
    assert_eq!(exceptions(event), [("Error", "the search failed")]);
    let data = json!({ "error_type": "tool_execution", "tool_name": "instruments" });
    assert_eq!(mechanism(event), expected_mechanism(data));
    // At the innermost span.
    let span = received.span(event.span_id.as_ref().unwrap()).unwrap();
    assert_eq!(span.description.as_deref(), Some("instrumented"));
}

#[tokio::test]
async fn a_failure_that_is_captured() {
    let received = called("captures").await;
    let event = one(&received);
    assert_eq!(exceptions(event), CHAIN);
    let data = json!({ "error_type": "validation", "tool_name": "captures" });
    assert_eq!(mechanism(event), expected_mechanism(data));
    assert_at_execution(&received, event, "captures");
    assert_eq!(event.raw["extra"]["retry_count"], json!(3));
    assert!(!event.raw.to_string().contains("hunter2"));
    let received = called("captures by the SDK").await;
    assert_tool_failure(&received, "captures by the SDK", &CHAIN);
}

#[tokio::test]
async fn a_failure_of_a_task() {
    let received = called("spawns").await;
    assert_tool_failure(&received, "spawns", &CHAIN);
}

/// A server whose subscriptions log an error.
struct Listening;

impl ServerHandler for Listening {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed();
        ServerConfig::new(capabilities.build())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, _: SubscriptionContext) -> Result<(), ErrorData> {
        tracing::error!("the source is gone");
        Ok(())
    }
}

#[tokio::test]
async fn a_failure_of_a_subscription_has_the_breadcrumb_of_its_request() {
    for wrapper in Wrapper::BOTH {
        let live = live(&[]);
        let mut raw = wrapper.serve(Listening).open(MODERN).await;
        let filter = json!({ "notifications": { "toolsListChanged": true } });
        raw.send("subscriptions/listen", filter).await;
        let look = |received: &Received| (!received.events().is_empty()).then_some(());
        live.sink.wait_for_async(DEADLINE, look).await.unwrap();
        raw.close().await;
        let received = live.finish();
        let event = one(&received);
        assert_eq!(event.text(), Some("the source is gone"), "{wrapper:?}");
        let trail: Vec<_> = event
            .breadcrumbs
            .iter()
            .filter_map(|it| it.message.as_deref())
            .collect();
        assert_eq!(trail, ["subscriptions/listen"], "{wrapper:?}");
    }
}

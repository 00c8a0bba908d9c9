//! Panics as error events.

use std::panic;
use std::sync::Once;

use sentry::integrations::panic::PanicIntegration as Stock;
use sentry::{ClientOptions, Integration};

/// Captures panics like the SDK's own integration, but does not wait until they are sent:
/// that would hold the panicking thread, a tokio worker as likely as not, for as long as a
/// slow endpoint takes.
#[derive(Debug)]
pub(super) struct PanicIntegration;

impl Integration for PanicIntegration {
    fn name(&self) -> &'static str {
        "panic"
    }

    fn setup(&self, _: &mut ClientOptions) {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let next = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                capture(info);
                next(info);
            }));
        });
    }
}

fn capture(info: &panic::PanicHookInfo<'_>) {
    // Only for a client of ours: another one's panics are its own business.
    sentry::with_integration(|_: &PanicIntegration, hub| {
        hub.capture_event(Stock::default().event_from_panic_info(info));
    });
}

//! Release health: every MCP request is a session of Sentry's.
//!
//! Sentry counts sessions by release, and from them reads how many ended without a crash. A
//! server's sessions are sent as counts by the minute they began in (`sessions` items,
//! <https://develop.sentry.dev/sdk/telemetry/sessions/>).
//!
//! | a request that | counts as |
//! |---|---|
//! | was answered, refused as the caller's fault, or taken back by the client | exited |
//! | failed, or captured an error event while it ran | errored |
//! | panicked | crashed |
//! | was dropped before its end, or still ran when telemetry ended | abnormal |
//!
//! Sentry's SDK has sessions too, but they fit requests badly: none of them can be errored
//! without an event, their user is the one that was set before they began, and what they hold
//! for sending grows with the number of users. So they are counted here.

#[cfg(feature = "sentry")]
mod counts;
#[cfg(feature = "sentry")]
mod session;
#[cfg(feature = "sentry")]
mod tracker;

#[cfg(feature = "sentry")]
pub(crate) use self::session::Session;
#[cfg(feature = "sentry")]
pub(crate) use self::tracker::{Sessions, Tracker};

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Exited,
    Errored,
    Abnormal,
    Crashed,
}

/// Without Sentry nobody counts.
#[cfg(not(feature = "sentry"))]
mod session {
    use super::Ended;
    use crate::isolation::Scope;

    #[derive(Debug)]
    pub(crate) struct Session;

    impl Session {
        pub(crate) fn start(_: &Scope) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "the same form as with Sentry")]
        pub(crate) fn end(&mut self, _: Ended) {}
    }
}

#[cfg(not(feature = "sentry"))]
pub(crate) use self::session::Session;

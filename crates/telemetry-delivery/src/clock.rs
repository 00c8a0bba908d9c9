//! Times that may be set to "never".

use std::time::{Duration, Instant};

/// A moment `wait` from `now`; far away where that cannot be said.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    now.checked_add(wait.min(FAR)).unwrap_or(now)
}

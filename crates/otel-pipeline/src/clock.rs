//! Times that may be set to "never".

use std::time::{Duration, Instant};

/// The moment `wait` from now; far away where that cannot be said.
pub(crate) fn deadline_after(wait: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(wait.min(FAR)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_far_away() {
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(deadline_after(Duration::MAX) > Instant::now() + day);
    }
}

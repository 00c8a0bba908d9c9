//! Waiting for what a test expects.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::received::Received;
use crate::store::Store;

/// What was waited for did not come in time.
///
/// The message says how much of what has come instead, and the first malformed request.
#[derive(Clone, Debug, thiserror::Error)]
#[error("what was waited for did not come within {waited:?}; so far: {received}")]
#[non_exhaustive]
pub struct WaitTimeout {
    /// How long was waited.
    pub waited: Duration,
    /// What had arrived at the end.
    pub received: Received,
}

/// Blocks until `look` finds something. It is called once at first and then at every news, never
/// under a lock.
pub(crate) fn block<T>(
    store: &Store,
    waited: Duration,
    mut look: impl FnMut(&Received) -> Option<T>,
) -> Result<T, WaitTimeout> {
    let deadline = far(waited);
    loop {
        // Before the look: news during the look must wake the wait.
        let version = store.version();
        let received = store.received();
        if let Some(found) = look(&received) {
            return Ok(found);
        }
        if !store.wait(version, deadline) {
            return Err(WaitTimeout { waited, received });
        }
    }
}

/// The same without blocking. The clock is the sink's own runtime's: any executor will do, and a
/// paused clock of the caller's runtime does not matter.
pub(crate) async fn poll<T>(
    store: &Store,
    runtime: &Handle,
    waited: Duration,
    mut look: impl FnMut(&Received) -> Option<T>,
) -> Result<T, WaitTimeout> {
    let mut news = store.news();
    // Made inside the task: a timer belongs to the runtime it is made in.
    let timer = runtime.spawn(async move { tokio::time::sleep(waited).await });
    let _abort = AbortOnDrop(timer.abort_handle());
    let mut timer = std::pin::pin!(timer);
    loop {
        news.mark_unchanged();
        let received = store.received();
        if let Some(found) = look(&received) {
            return Ok(found);
        }
        let changed = std::pin::pin!(news.changed());
        match futures_util::future::select(changed, timer.as_mut()).await {
            // The sender lives as long as the store.
            futures_util::future::Either::Left(_) => {}
            futures_util::future::Either::Right(_) => {
                return Err(WaitTimeout { waited, received });
            }
        }
    }
}

/// A deadline that cannot overflow: a year at most.
fn far(waited: Duration) -> Instant {
    Instant::now() + waited.min(Duration::from_secs(365 * 24 * 3600))
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

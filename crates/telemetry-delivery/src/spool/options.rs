//! The settings of a spool.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where loads are kept on disk, and how many.
///
/// What a delivery accepts is in a file before it is first sent, and is removed once it has
/// arrived or was refused. What is left when a process ends, however it ends, is sent by the next
/// one that uses the same directory: the most urgent first, then the oldest.
///
/// - **When.** The delivery's thread writes; who hands a load over never waits for the disk. What
///   was written outlives the process, killed or not. Against a loss of power it is synced by
///   interval: up to the last [`with_sync_interval`](Self::with_sync_interval) can be lost then.
/// - **How much.** The files never take more than [`with_max_bytes`](Self::with_max_bytes). When
///   that is reached, a file of the least urgent loads goes, the newest first, and what was there
///   alone counts as [`SpoolOverflow`](crate::DropReason::SpoolOverflow). Where nothing is less
///   urgent than a new load, that is in memory only.
/// - **What for.** Where a queue is full, or a server fails for longer than the retries take, the
///   loads wait on disk instead of being lost.
/// - **How often.** A load can arrive twice: sent, not answered, and sent again. The parts that
///   must not ([`Protocol::without_once`](crate::Protocol::without_once)) are not sent again
///   after an attempt of which nobody knows whether it arrived.
/// - **Whose.** Files are readable by the user alone (0600, the directory 0700). One process uses
///   a directory at a time; a second one reports that and goes on without. Files that are torn or
///   not the spool's are reported and skipped.
///
/// ```
/// use telemetry_delivery::{Settings, SpoolOptions};
///
/// let directory = std::env::temp_dir().join("my-app-telemetry");
/// let spool = SpoolOptions::new(directory)
///     .with_max_bytes(64 * 1024 * 1024)
///     .with_on_report(|report| eprintln!("telemetry: {report}"));
/// let settings = Settings::new().with_spool(spool);
/// # let _ = settings;
/// ```
#[derive(Clone)]
#[must_use]
pub struct SpoolOptions {
    pub(crate) directory: PathBuf,
    pub(crate) max_bytes: u64,
    pub(crate) sync_interval: Duration,
    on_report: Option<OnReport>,
}

type OnReport = Arc<dyn Fn(&str) + Send + Sync>;

impl SpoolOptions {
    /// The least that [`with_max_bytes`](Self::with_max_bytes) takes: 64 KiB.
    pub const MIN_BYTES: u64 = 64 * 1024;

    /// A spool in this directory, which is made where it is missing. It should hold nothing else.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: 256 * 1024 * 1024,
            sync_interval: Duration::from_secs(1),
            on_report: None,
        }
    }

    /// How many bytes the files may take: 256 MiB unless set, at least
    /// [`MIN_BYTES`](Self::MIN_BYTES).
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes.max(Self::MIN_BYTES);
        self
    }

    /// How often what was written is synced to the disk itself: every second unless set.
    pub fn with_sync_interval(mut self, sync_interval: Duration) -> Self {
        self.sync_interval = sync_interval;
        self
    }

    /// Called with what a user should know: that there is no spool and why, that a file is torn.
    /// Runs on the delivery's thread. Without, the last report is in
    /// [`last_error`](crate::DeliverySnapshot::last_error) alone.
    pub fn with_on_report(mut self, on_report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_report = Some(Arc::new(on_report));
        self
    }

    pub(crate) fn report(&self, report: &str) {
        if let Some(on_report) = &self.on_report {
            on_report(report);
        }
    }
}

impl fmt::Debug for SpoolOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolOptions")
            .field("directory", &self.directory)
            .field("max_bytes", &self.max_bytes)
            .field("sync_interval", &self.sync_interval)
            .finish_non_exhaustive()
    }
}

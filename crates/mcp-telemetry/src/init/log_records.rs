//! Records of the `log` crate.

use tracing::level_filters::LevelFilter;
use tracing_log::{AsLog as _, LogTracer};

/// Makes `tracing` events of the `log` crate's records, those that the subscriber wants by
/// their level. The subscriber has to be the process's already.
pub(super) fn to_tracing() {
    let level = LevelFilter::current().as_log();
    // A logger that the app has set keeps its records.
    let _ = LogTracer::builder().with_max_level(level).init();
}

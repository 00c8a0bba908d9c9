//! Where each destination's spool is, and what the spools report.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use telemetry_delivery::SpoolOptions;

use crate::config::SpoolConfig;

/// More reports than this are not kept for later.
const MOST_KEPT: usize = 32;

/// The spools of all destinations.
#[derive(Clone, Debug)]
pub(super) struct Spools {
    config: SpoolConfig,
    reports: Arc<Mutex<Reports>>,
}

/// What the spools report: kept until there is somebody who writes it.
#[derive(Debug)]
enum Reports {
    Kept(Vec<String>),
    Said,
}

impl Spools {
    pub(super) fn new(config: SpoolConfig) -> Self {
        let reports = Arc::new(Mutex::new(Reports::Kept(Vec::new())));
        Self { config, reports }
    }

    /// The spool of a destination: a directory of its own, with a name that tells which.
    pub(super) fn of(&self, destination: &str) -> SpoolOptions {
        let name: String = destination.chars().map(in_a_name).collect();
        let reports = Arc::clone(&self.reports);
        SpoolOptions::new(self.config.directory.join(name))
            .with_max_bytes(self.config.max_bytes)
            .with_on_report(move |report| match &mut *lock(&reports) {
                Reports::Kept(kept) if kept.len() < MOST_KEPT => kept.push(report.to_owned()),
                Reports::Kept(_) => {}
                Reports::Said => say(report),
            })
    }

    /// Says what was reported so far, and from now on at once: there is a subscriber.
    pub(super) fn say(&self) {
        if let Reports::Kept(kept) = mem::replace(&mut *lock(&self.reports), Reports::Said) {
            kept.iter().for_each(|report| say(report));
        }
    }
}

fn say(report: &str) {
    // On stderr alone: to send it could be what fails.
    let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
    tracing::warn!("{report}");
}

/// What a file's name may hold everywhere.
fn in_a_name(c: char) -> char {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' => c,
        _ => '_',
    }
}

fn lock(reports: &Mutex<Reports>) -> MutexGuard<'_, Reports> {
    reports.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use telemetry_delivery::{
        Answer, HttpOptions, Load, NotSent, Post, Priority, Protocol, Settings, Verdict,
    };

    use super::*;

    #[test]
    fn a_destination_is_one_name() {
        let config = SpoolConfig {
            directory: "/spool".into(),
            max_bytes: 100_000,
        };
        let options = Spools::new(config).of("otlp-http-[::1]-4318/../x y");
        let text = format!("{options:?}");
        assert!(
            text.contains("/spool/otlp-http-___1_-4318_.._x_y\""),
            "{text}"
        );
        assert!(text.contains("100000"), "{text}");
    }

    /// A delivery's rules without anything to deliver.
    struct Nothing;

    impl Load for Nothing {
        fn priority(&self) -> Priority {
            Priority::Lowest
        }

        fn bytes(&self) -> usize {
            0
        }
    }

    impl Protocol for Nothing {
        type Load = Self;

        fn post(&self, _: &mut Self) -> Result<Post, NotSent> {
            Err(NotSent::RateLimited)
        }

        fn judge(&self, _: &Self, _: &Answer) -> Verdict {
            Verdict::Delivered
        }
    }

    /// A subscriber's output.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn reports_wait_for_a_subscriber() {
        let path = std::env::temp_dir().join(format!("spool-reports-{}", std::process::id()));
        std::fs::write(&path, "a file").unwrap();
        let spools = Spools::new(SpoolConfig {
            directory: path.clone(),
            max_bytes: 100_000,
        });
        let settings = Settings::new().with_spool(spools.of("here"));
        let start = || {
            let http = HttpOptions::new().with_tls(false);
            let delivery = settings.start(Nothing, http);
            assert!(delivery.shutdown(Duration::from_secs(60)));
        };
        start();
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || spools.say());
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("no spool in"), "{text}");
        assert!(text.contains("in memory only"), "{text}");
        assert!(matches!(*lock(&spools.reports), Reports::Said));
        std::fs::remove_file(&path).unwrap();
    }
}

//! Faults on demand: what the simulator does wrong when it is told to.

use std::collections::VecDeque;
use std::time::Duration;

/// How long a hanging request is held before it is answered with 503.
pub(crate) const HANG_LIMIT: Duration = Duration::from_secs(120);

/// How many faults may wait at once; further ones push out the oldest.
const WAITING_FAULTS: usize = 256;

/// A fault to inject: what goes wrong, for which paths, and how often.
///
/// Without [`on`](Fault::on) a fault concerns every path; without [`times`](Fault::times) it strikes once. Faults
/// come before authentication, so that a fault of status 401 works with good credentials.
///
/// ```
/// use splunk_simulator::{Fault, Simulator};
///
/// let simulator = Simulator::start()?;
/// simulator.fault(Fault::status(503).on("/services/search").times(2));
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a fault does nothing until it is given to `Simulator::fault`"]
pub struct Fault {
    kind: FaultKind,
    prefix: String,
    remaining: usize,
}

/// What a fault does to the request it strikes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Answer with this status and a message in Splunk's shape.
    Status(u16),
    /// Answer with this status and body, whatever they are.
    Body { status: u16, body: String },
    /// Do not answer.
    Hang,
}

impl Fault {
    /// Answers with `status` and a message in Splunk's shape. A number that is no HTTP status (100 to 999) becomes 500.
    pub fn status(status: u16) -> Self {
        Self::new(FaultKind::Status(status))
    }

    /// Answers with `status` and exactly `body`, declared as JSON: for answers that no client expects.
    pub fn body(status: u16, body: impl Into<String>) -> Self {
        Self::new(FaultKind::Body {
            status,
            body: body.into(),
        })
    }

    /// Holds the request without an answer. After two minutes it is answered with 503.
    pub fn hang() -> Self {
        Self::new(FaultKind::Hang)
    }

    /// Strikes only requests whose path starts with `prefix`.
    ///
    /// The prefix is compared with the plain form of the path: namespaces and the `v2` of the search endpoints are
    /// taken out first, so `/services/search/jobs` also strikes `/servicesNS/nobody/search/search/v2/jobs`.
    pub fn on(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Strikes this many requests, then wears off.
    pub fn times(mut self, count: usize) -> Self {
        self.remaining = count;
        self
    }

    fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            prefix: String::new(),
            remaining: 1,
        }
    }
}

/// The faults still to strike, in the order they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults(VecDeque<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        if self.0.len() >= WAITING_FAULTS {
            self.0.pop_front();
        }
        self.0.push_back(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes one strike of the first fault that concerns `path`.
    pub(crate) fn strike(&mut self, path: &str) -> Option<FaultKind> {
        self.0.retain(|fault| fault.remaining > 0);
        let fault = self
            .0
            .iter_mut()
            .find(|fault| path.starts_with(&fault.prefix))?;
        fault.remaining -= 1;
        Some(fault.kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_by_prefix_and_count_in_order() {
        let mut faults = Faults::default();
        faults.add(Fault::status(503).on("/services/search").times(2));
        faults.add(Fault::hang());

        assert_eq!(
            faults.strike("/services/server/info"),
            Some(FaultKind::Hang)
        );
        assert_eq!(faults.strike("/services/server/info"), None);
        for _ in 0..2 {
            assert_eq!(
                faults.strike("/services/search/jobs"),
                Some(FaultKind::Status(503))
            );
        }
        assert_eq!(faults.strike("/services/search/jobs"), None);
    }

    #[test]
    fn a_fault_of_no_times_never_strikes() {
        let mut faults = Faults::default();
        faults.add(Fault::hang().times(0));
        assert_eq!(faults.strike("/"), None);
    }

    #[test]
    fn keeps_a_bounded_number_of_faults() {
        let mut faults = Faults::default();
        for _ in 0..WAITING_FAULTS + 10 {
            faults.add(Fault::hang());
        }
        assert_eq!(faults.0.len(), WAITING_FAULTS);
    }
}

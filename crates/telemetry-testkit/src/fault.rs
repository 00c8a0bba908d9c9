//! Faults on demand.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// What the sink does wrong, for which requests and how often.
///
/// A fault lasts until it has hit as many requests as [`times`](Self::times) says, or until
/// [`Sink::clear_faults`](crate::Sink::clear_faults). Of several faults that fit a request the one
/// that was set first hits it, alone.
///
/// A request that is hit is still in [`Received::requests`](crate::Received::requests), with the
/// answer it got; its payload counts as received only if the answer was 2xx.
///
/// ```
/// use telemetry_testkit::{Fault, Sink};
///
/// let sink = Sink::start()?;
/// // Twice 503, then for one envelope 429; after that all is well.
/// sink.fault(Fault::status(503).times(2));
/// sink.fault(Fault::status(429).header("Retry-After", "2").times(1).on_path("/api/"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until it is given to Sink::fault"]
pub struct Fault {
    pub(crate) action: Action,
    path: Option<String>,
    left: Option<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Answer {
        /// `None` for the status the request would get without the fault.
        status: Option<StatusCode>,
        headers: HeaderMap,
        delay: Duration,
    },
    Hang,
    Reset,
    CloseMidBody,
}

impl Fault {
    /// Answers with this status. A 2xx status keeps the usual body; a malformed payload is refused
    /// all the same.
    ///
    /// # Panics
    ///
    /// If `status` is not in 200..=599.
    pub fn status(status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(code) if (200..600).contains(&status) => Self::answer(Some(code), Duration::ZERO),
            _ => panic!("Fault::status({status}): expected a final HTTP status, 200 to 599"),
        }
    }

    /// Answers as usual, after this delay.
    pub fn delay(delay: Duration) -> Self {
        Self::answer(None, delay)
    }

    /// Answers as usual, with `X-Sentry-Rate-Limits: <limits>`, for example
    /// `60:transaction;span:organization`.
    ///
    /// # Panics
    ///
    /// If `limits` cannot stand in a header.
    pub fn rate_limits(limits: &str) -> Self {
        Self::answer(None, Duration::ZERO).header("x-sentry-rate-limits", limits)
    }

    /// Takes the request and never answers, until [`Sink::clear_faults`](crate::Sink::clear_faults);
    /// then it answers as usual.
    pub fn hang() -> Self {
        Self::new(Action::Hang)
    }

    /// Takes the request and resets the connection (TCP RST) instead of answering.
    pub fn reset() -> Self {
        Self::new(Action::Reset)
    }

    /// Answers 200 with a part of the body that `content-length` promises, then closes the
    /// connection.
    pub fn close_mid_body() -> Self {
        Self::new(Action::CloseMidBody)
    }

    /// Adds a header to the answer. Faults that do not answer ignore it.
    ///
    /// # Panics
    ///
    /// If `name` or `value` cannot stand in a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let pair = HeaderName::try_from(name)
            .map_err(|error| error.to_string())
            .and_then(|name| {
                let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
                Ok((name, value))
            });
        match (pair, &mut self.action) {
            (Ok((name, value)), Action::Answer { headers, .. }) => {
                headers.append(name, value);
            }
            (Ok(_), _) => {}
            (Err(error), _) => panic!("Fault::header({name:?}, {value:?}): {error}"),
        }
        self
    }

    /// Holds the answer back for this long. Faults that do not answer ignore it.
    pub fn after(mut self, wait: Duration) -> Self {
        if let Action::Answer { delay, .. } = &mut self.action {
            *delay = wait;
        }
        self
    }

    /// Hits this many requests, then no more.
    pub fn times(mut self, times: usize) -> Self {
        self.left = Some(times);
        self
    }

    /// Hits only requests whose path starts with this, for example `/v1/traces` or `/api/`.
    pub fn on_path(mut self, prefix: impl Into<String>) -> Self {
        self.path = Some(prefix.into());
        self
    }

    fn answer(status: Option<StatusCode>, delay: Duration) -> Self {
        Self::new(Action::Answer {
            status,
            headers: HeaderMap::new(),
            delay,
        })
    }

    fn new(action: Action) -> Self {
        Self {
            action,
            path: None,
            left: None,
        }
    }

    fn fits(&self, path: &str) -> bool {
        self.path
            .as_deref()
            .is_none_or(|prefix| path.starts_with(prefix))
    }
}

/// Takes the action of the first fault that fits, counts it, and forgets faults that are used up.
pub(crate) fn take(faults: &mut Vec<Fault>, path: &str) -> Option<Action> {
    faults.retain(|fault| fault.left != Some(0));
    let fault = faults.iter_mut().find(|fault| fault.fits(path))?;
    if let Some(left) = &mut fault.left {
        *left -= 1;
    }
    Some(fault.action.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(action: Option<Action>) -> Option<u16> {
        match action? {
            Action::Answer { status, .. } => status.map(|status| status.as_u16()),
            _ => None,
        }
    }

    #[test]
    fn faults_hit_in_the_order_they_were_set_and_run_out() {
        let mut faults = vec![
            Fault::status(500).times(2),
            Fault::status(429).times(1).on_path("/v1/"),
            Fault::hang().times(0),
        ];
        assert_eq!(status(take(&mut faults, "/v1/traces")), Some(500));
        assert_eq!(status(take(&mut faults, "/api/1/envelope/")), Some(500));
        assert_eq!(take(&mut faults, "/api/1/envelope/"), None);
        assert_eq!(status(take(&mut faults, "/v1/traces")), Some(429));
        assert_eq!(take(&mut faults, "/v1/traces"), None);
        assert!(faults.is_empty());
    }

    #[test]
    #[should_panic(expected = "Fault::status(7)")]
    fn a_status_out_of_range_panics() {
        let _ = Fault::status(7);
    }

    #[test]
    #[should_panic(expected = "Fault::header")]
    fn a_header_with_a_newline_panics() {
        let _ = Fault::status(429).header("retry-after", "2\n");
    }
}

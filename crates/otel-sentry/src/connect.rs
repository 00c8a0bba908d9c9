//! One call that prepares a Sentry client for OTel.

use std::sync::Arc;

use sentry::ClientOptions;

use crate::captured::Captured;
use crate::delivery::SharedTransport;
use crate::fields;
use crate::frames::shorten_names;
use crate::link::{OtelIntegration, link_log, link_metric};

/// Completes a client's options so that what the SDK captures belongs to the OTel traces.
///
/// - events, logs and metrics get the ids of the active OTel span;
/// - in their stack traces, names of functions that Sentry would cut are shortened, to 512 characters
///   with both ends kept; tags, names and other fields that it would refuse or cut get the form that it
///   keeps;
/// - the span sink learns which errors have an event, so that an exception on a span makes no
///   second one;
/// - what is sent goes through `transport`, which the span sink shares.
///
/// Leave `traces_sample_rate` alone: the OTel sampler decides what is traced, and the sink
/// sends that past the SDK's own sampling.
///
/// Callbacks that the options have already still run, after the ids have been set.
pub fn connect(mut options: ClientOptions, transport: &SharedTransport) -> ClientOptions {
    let captured = Captured::default();
    let sent = captured.clone();
    let event_hook = options.before_send.take();
    options.before_send = Some(Arc::new(move |event| {
        let mut event = match &event_hook {
            Some(hook) => hook(event)?,
            None => event,
        };
        shorten_names(&mut event);
        fields::mend(&mut event);
        // As it leaves: spans are cleaned before they are compared with it.
        sent.note(&event);
        Some(event)
    }));
    let log_hook = options.before_send_log.take();
    options.before_send_log = Some(Arc::new(move |log| match &log_hook {
        Some(hook) => hook(link_log(log)),
        None => Some(link_log(log)),
    }));
    let metric_hook = options.before_send_metric.take();
    options.before_send_metric = Some(Arc::new(move |metric| match &metric_hook {
        Some(hook) => hook(link_metric(metric)),
        None => Some(link_metric(metric)),
    }));
    options.transport = Some(Arc::new(transport.clone()));
    options.add_integration(OtelIntegration { captured })
}

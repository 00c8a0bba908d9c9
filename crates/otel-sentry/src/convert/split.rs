//! One tree of spans in as many payloads as it needs.
//!
//! Over its budget the receiver cuts spans silently, or refuses the whole payload. Several
//! transactions of one trace are kept as they are: `trace_id` and `parent_span_id` link them. So a
//! large tree is sent in parts. The first has the real root; each other takes its own first span as
//! root. No span is made up for it: one with the root's op would count as a request that never was.
//! All spans keep their true parents, which may be in another part.

use std::borrow::Cow;

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use super::transaction::Service;
use super::{Known, description, size};

/// What one payload may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Children.
    pub(crate) spans: usize,
    /// Bytes by [`size::estimate`], of the children.
    pub(crate) estimated: usize,
    /// Bytes of the whole payload.
    pub(crate) payload: usize,
}

impl Default for Limits {
    /// Below the measured limits of Relay: 819,200 estimated bytes, 1,048,576 bytes of payload; and
    /// the 1,000 spans at which Sentry's own SDKs stop.
    fn default() -> Self {
        Self {
            spans: 1_000,
            estimated: 700_000,
            payload: 1_000_000,
        }
    }
}

impl Limits {
    /// The same with less room in each payload.
    pub(crate) fn without(self, bytes: usize) -> Self {
        Self {
            payload: self.payload.saturating_sub(bytes),
            ..self
        }
    }
}

/// One payload: a root and its children.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    /// The tree's root, or in a later part the first of its spans.
    pub(crate) root: &'a SpanData,
    /// The others. Each span of the tree is in exactly one part.
    pub(crate) children: Cow<'a, [&'a SpanData]>,
}

/// Plans the parts of a tree; at least one.
///
/// A tree that fits is one part, in the given order. Otherwise failed spans come first, since the
/// first parts are the likeliest to arrive; within failed and other spans the order stays.
pub(crate) fn split<'a>(
    root: &'a SpanData,
    children: &'a [&'a SpanData],
    service: &Service<'_>,
    limits: Limits,
) -> Vec<Part<'a>> {
    let name_of =
        |span: &'a SpanData| description::transaction_name(span, &Known::of(&span.attributes)).name;
    let estimate = |span: &SpanData, name: &str| {
        size::estimate(span, service.release, service.environment, name)
    };
    let frame = |name: &str| {
        size::payload_frame(&[
            service.release,
            service.environment,
            service.server_name,
            Some(service.sdk_name),
            Some(service.sdk_version),
            Some(name),
        ])
    };

    let mut name = name_of(root);
    let fits = |bound: fn(&SpanData) -> usize| {
        let mut bin = Bin::new(frame(&name) + bound(root));
        let mut children = children.iter();
        children.all(|child| bin.takes(estimate(child, &name), bound(child), &limits))
    };
    // Most trees are small by a look at their lengths.
    if fits(size::quick_bound) || fits(size::json_bound) {
        return vec![Part {
            root,
            children: Cow::Borrowed(children),
        }];
    }

    let (mut ordered, others): (Vec<&SpanData>, Vec<&SpanData>) = children
        .iter()
        .partition(|child| matches!(child.status, Status::Error { .. }));
    ordered.extend(others);
    let mut parts = vec![(root, Vec::new())];
    let mut bin = Bin::new(frame(&name) + size::json_bound(root));
    for child in ordered {
        let json = size::json_bound(child);
        if bin.takes(estimate(child, &name), json, &limits) {
            if let Some((_, children)) = parts.last_mut() {
                children.push(child);
            }
        } else {
            // Also for a span that is too large by itself: the writer has the last word on it,
            // and the others are safe.
            parts.push((child, Vec::new()));
            name = name_of(child);
            bin = Bin::new(frame(&name) + json);
        }
    }
    let part = |(root, children)| Part {
        root,
        children: Cow::Owned(children),
    };
    parts.into_iter().map(part).collect()
}

/// What a part holds so far.
#[derive(Clone, Copy)]
struct Bin {
    spans: usize,
    estimated: usize,
    json: usize,
}

impl Bin {
    fn new(json: usize) -> Self {
        Self {
            spans: 0,
            estimated: 0,
            json,
        }
    }

    /// Adds a span if it fits.
    fn takes(&mut self, estimated: usize, json: usize, limits: &Limits) -> bool {
        let fits = self.spans < limits.spans
            && self.estimated + estimated <= limits.estimated
            && self.json + json < limits.payload;
        if fits {
            self.spans += 1;
            self.estimated += estimated;
            // One more for the comma between spans.
            self.json += json + 1;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::*;
    use crate::convert::Resource;
    use crate::convert::testing::{any_span, now, service, span};
    use crate::convert::transaction::{TransactionParts, write};
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn tree(count: u64, value_bytes: usize) -> (SpanData, Vec<SpanData>) {
        let mut root = span(1, 0);
        root.name = "tools/call x".into();
        root.attributes = vec![KeyValue::new("sentry.op", "mcp.server")];
        let children = (2..2 + count)
            .map(|id| {
                let mut child = span(id, 1);
                if value_bytes > 0 {
                    child.attributes = vec![KeyValue::new("v", "x".repeat(value_bytes))];
                }
                child
            })
            .collect();
        (root, children)
    }

    /// Each span is in one part, and each part is within the limits and can be written.
    fn check(root: &SpanData, children: &[&SpanData], parts: &[Part<'_>], limits: Limits) {
        let service = service(&Resource::NONE);
        let mut seen: HashMap<*const SpanData, usize> = HashMap::new();
        for part in parts {
            assert!(part.children.len() <= limits.spans);
            let estimated: usize = part
                .children
                .iter()
                .map(|span| size::estimate(span, service.release, service.environment, ""))
                .sum();
            assert!(part.children.len() <= 1 || estimated <= limits.estimated);
            for span in part.children.iter().chain([&part.root]) {
                *seen.entry(std::ptr::from_ref(*span)).or_default() += 1;
            }
            let mut out = Vec::new();
            let parts = TransactionParts {
                root: part.root,
                children: &part.children,
                breadcrumbs: &[],
                event_id: [1; 16],
                now: now(),
                service: &service,
            };
            let written = write(&parts, &mut out).unwrap();
            assert_eq!(
                (written.children, written.refused),
                (part.children.len(), 0)
            );
            assert!(part.children.len() <= 1 || out.len() <= limits.payload);
        }
        assert!(std::ptr::eq(parts[0].root, root));
        assert_eq!(seen.len(), children.len() + 1);
        assert!(seen.values().all(|&times| times == 1));
    }

    #[test]
    fn what_fits_is_one_part_in_the_given_order() {
        let (root, children) = tree(1_000, 0);
        let children: Vec<_> = children.iter().rev().collect();
        let parts = split(
            &root,
            &children,
            &service(&Resource::NONE),
            Limits::default(),
        );
        assert_eq!(parts.len(), 1);
        assert_eq!(*parts[0].root, root);
        assert!(matches!(parts[0].children, Cow::Borrowed(same) if same == children));
    }

    #[test]
    fn no_children_is_one_part() {
        let (root, _) = tree(0, 0);
        let parts = split(&root, &[], &service(&Resource::NONE), Limits::default());
        assert_eq!(parts.len(), 1);
        check(&root, &[], &parts, Limits::default());
    }

    #[test]
    fn by_number_by_estimate_and_by_bytes() {
        // Escaping makes a control character six bytes of payload, but one of the estimate.
        for (count, bytes, at_least) in [(2_500, 0, 3), (1_000, 2_048, 4), (40, 100_000, 6)] {
            let (root, children) = tree(count, bytes);
            let children: Vec<_> = children.iter().collect();
            let parts = split(
                &root,
                &children,
                &service(&Resource::NONE),
                Limits::default(),
            );
            assert!(
                parts.len() >= at_least,
                "{count} x {bytes}: {}",
                parts.len()
            );
            check(&root, &children, &parts, Limits::default());
        }
        let (root, mut children) = tree(100, 0);
        for child in &mut children {
            child.attributes = vec![KeyValue::new("v", "\u{1}".repeat(5_000))];
        }
        let children: Vec<_> = children.iter().collect();
        let parts = split(
            &root,
            &children,
            &service(&Resource::NONE),
            Limits::default(),
        );
        assert!(parts.len() >= 3, "{}", parts.len());
        check(&root, &children, &parts, Limits::default());
    }

    #[test]
    fn one_huge_span_is_cut_and_arrives() {
        let (root, mut children) = tree(3, 0);
        children[1].attributes = vec![KeyValue::new("v", "x".repeat(3_000_000))];
        let children: Vec<_> = children.iter().collect();
        let parts = split(
            &root,
            &children,
            &service(&Resource::NONE),
            Limits::default(),
        );
        check(&root, &children, &parts, Limits::default());
    }

    #[test]
    fn a_later_part_has_its_own_first_span_as_root_and_all_keep_their_parents() {
        let (root, children) = tree(2_100, 0);
        let children: Vec<_> = children.iter().collect();
        let parts = split(
            &root,
            &children,
            &service(&Resource::NONE),
            Limits::default(),
        );
        assert_eq!(parts.len(), 3);
        assert_eq!(*parts[0].root, root);
        for part in &parts[1..] {
            let real = children.iter().any(|child| std::ptr::eq(*child, part.root));
            assert!(real, "a span of the tree");
            assert_eq!(part.root.parent_span_id, root.span_context.span_id());
        }
    }

    #[test]
    fn the_name_of_a_later_parts_root_counts_in_its_budget() {
        let (root, mut children) = tree(1_500, 0);
        for child in &mut children {
            child.name = "n".repeat(200).into();
        }
        let children: Vec<_> = children.iter().collect();
        let parts = split(
            &root,
            &children,
            &service(&Resource::NONE),
            Limits::default(),
        );
        let service = service(&Resource::NONE);
        for part in &parts[1..] {
            let name = description::transaction_name(part.root, &Known::of(&[])).name;
            let spans = part.children.iter();
            let estimated: usize = spans
                .map(|span| size::estimate(span, service.release, service.environment, &name))
                .sum();
            assert!(estimated <= Limits::default().estimated, "{estimated}");
        }
    }

    #[test]
    fn failed_spans_are_in_the_first_part() {
        let (root, mut children) = tree(1_500, 0);
        children[1_400].status = Status::error("broke");
        let failed = children[1_400].span_context.span_id();
        let children: Vec<_> = children.iter().collect();
        let parts = split(
            &root,
            &children,
            &service(&Resource::NONE),
            Limits::default(),
        );
        assert_eq!(parts[0].children[0].span_context.span_id(), failed);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_span_is_in_exactly_one_part(
            root in any_span(1),
            children in proptest::collection::vec(any_span(2), 0..40),
            spans in 1_usize..20,
            estimated in 600_usize..40_000,
            payload in 20_000_usize..120_000,
        ) {
            let limits = Limits { spans, estimated, payload };
            let children: Vec<_> = children.iter().collect();
            let parts = split(&root, &children, &service(&Resource::NONE), limits);
            check(&root, &children, &parts, limits);
        }
    }
}

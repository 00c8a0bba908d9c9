//! Whose child an MCP request's span is.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use rmcp::model::{Extensions, JsonObject};

use super::meta::MetaExtractor;
use crate::environment;
use crate::http::HttpSpan;
use crate::settings::ambient_first;

/// The parent of a request's span, and what it is linked to.
///
/// OTel's MCP convention: the context in `params._meta` is the parent, since transport
/// and MCP are independent, and the HTTP span becomes a link. Without `_meta` the HTTP
/// span is the parent, and without that, over stdio, the span in which this process was started.
/// Never the span that is current: rmcp runs every handler inside one
/// span that lives as long as the session.
pub(crate) struct Parent {
    pub(crate) context: Context,
    pub(crate) link: Option<SpanContext>,
    /// The HTTP request's own context, to note on it what the request is about.
    pub(crate) http: Option<Context>,
}

impl Parent {
    pub(crate) fn of(meta: &JsonObject, extensions: &Extensions) -> Self {
        let parent = Self::choose(from_meta(meta), http_span(extensions), ambient_first());
        let is_http = extensions.get::<http::request::Parts>().is_some();
        match environment::parent() {
            // Over stdio, whoever started this process is the one who asks.
            Some(context) if !is_http && !parent.has_parent() => Self { context, ..parent },
            _ => parent,
        }
    }

    fn has_parent(&self) -> bool {
        self.context.span().span_context().is_valid()
    }

    /// Of a request that comes out of a call of the app's own, so that the current span is its
    /// parent where `meta` names none.
    #[cfg(feature = "client")]
    pub(crate) fn within(meta: &JsonObject) -> Self {
        let current = Context::current();
        let current = Some(current).filter(|it| it.span().span_context().is_valid());
        Self {
            http: None,
            ..Self::choose(from_meta(meta), current, ambient_first())
        }
    }

    fn choose(meta: Option<Context>, http: Option<Context>, ambient_first: bool) -> Self {
        let (context, other) = match (meta, http.clone()) {
            (Some(meta), Some(http)) if ambient_first => (http, Some(meta)),
            (Some(meta), http) => (meta, http),
            (None, Some(http)) => (http, None),
            (None, None) => (Context::new(), None),
        };
        let link = other.map(|cx| cx.span().span_context().clone());
        Self {
            context,
            link: link.filter(SpanContext::is_valid),
            http,
        }
    }
}

/// The remote context in `_meta`, if there is a valid one.
fn from_meta(meta: &JsonObject) -> Option<Context> {
    if meta.is_empty() {
        return None;
    }
    let context = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract_with_context(&Context::new(), &MetaExtractor(meta))
    });
    let valid = context.span().span_context().is_valid();
    valid.then_some(context)
}

/// The span that our HTTP layer has put into the request, which rmcp carries along.
fn http_span(extensions: &Extensions) -> Option<Context> {
    let parts = extensions.get::<http::request::Parts>()?;
    Some(parts.extensions.get::<HttpSpan>()?.context().clone())
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};

    use super::*;

    fn context(id: u64) -> Context {
        Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from(1),
            SpanId::from(id),
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        ))
    }

    fn id(context: &Context) -> u64 {
        u64::from_be_bytes(context.span().span_context().span_id().to_bytes())
    }

    #[test]
    fn meta_comes_first_and_http_is_linked_unless_turned_round() {
        let cases = [
            // meta, http, ambient first: parent, link
            (Some(1), Some(2), false, 1, Some(2)),
            (Some(1), Some(2), true, 2, Some(1)),
            (Some(1), None, false, 1, None),
            (Some(1), None, true, 1, None),
            (None, Some(2), false, 2, None),
            (None, Some(2), true, 2, None),
            (None, None, false, 0, None),
        ];
        for (meta, http, ambient, parent, link) in cases {
            let chosen = Parent::choose(meta.map(context), http.map(context), ambient);
            let linked = chosen
                .link
                .map(|c| u64::from_be_bytes(c.span_id().to_bytes()));
            assert_eq!(
                (id(&chosen.context), linked),
                (parent, link),
                "{meta:?} {http:?}"
            );
            assert_eq!(chosen.http.map(|c| id(&c)), http);
        }
    }
}

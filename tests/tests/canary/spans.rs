//! Spans of the app's own, and what it does to spans by OTel's API.

use std::io;

use mcp_telemetry::opentelemetry::trace::{
    Link, SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use mcp_telemetry::opentelemetry::{
    Array, Context, InstrumentationScope, KeyValue, StringValue, Value, global,
};
use mcp_telemetry::tracing_opentelemetry::OpenTelemetrySpanExt as _;
use mcp_telemetry::{
    mcp_span, record, trace_mcp_prompt, trace_mcp_resource, trace_mcp_tool, trace_splunk_operation,
};
use tracing::{Span, info_span};

use crate::place::Arrives::{Both, Otlp};
use crate::place::{Form, Place};
use crate::world::percent;

pub(crate) const PLACES: &[Place] = &[
    Place::now("name of a span", Both, |it| {
        info_span!("step", otel.name = it.text).in_scope(|| {});
    }),
    Place::now("op of a span", Both, |it| {
        info_span!("step", sentry.op = it.text).in_scope(|| {});
    }),
    Place::now("field of a span", Both, |it| {
        info_span!("step", note = it.text).in_scope(|| {});
    }),
    Place::now("field of a span by Debug", Both, |it| {
        info_span!("step", note = ?Some(&it.text)).in_scope(|| {});
    }),
    Place::now("field of a span under the secret's name", Both, |it| {
        info_span!("step", beside = it.word, db.password = it.secret).in_scope(|| {});
    })
    .form(Form::Named),
    Place::now("later field of a span", Both, |it| {
        let span = info_span!("step", note = tracing::field::Empty);
        span.in_scope(|| span.record("note", &*it.text));
    }),
    Place::now("URL of a span", Both, |it| {
        let url = format!(
            "https://me:{}@host/?note={}",
            token(&it.secret),
            percent(&it.text)
        );
        info_span!("step", url.full = url).in_scope(|| {});
    }),
    Place::now("mcp_span's name", Both, |it| {
        mcp_span("app", &it.text).in_scope(|| {})
    }),
    Place::now("mcp_span's op", Both, |it| {
        mcp_span(&it.text, "step").in_scope(|| {})
    }),
    Place::now("mcp_span's data", Both, |it| {
        mcp_span("app", "step")
            .with_data("note", it.text.clone())
            .in_scope(|| {});
    }),
    Place::now("mcp_span's later data", Both, |it| {
        let span = mcp_span("app", "step");
        span.in_scope(|| span.set_data("note", it.text.clone()));
    }),
    Place::now("list in mcp_span's data", Both, |it| {
        let list = Value::Array(Array::String(vec![StringValue::from(it.text.clone())]));
        mcp_span("app", "step")
            .with_data("notes", list)
            .in_scope(|| {});
    }),
    Place::now("mcp_span's data under the secret's name", Both, |it| {
        let span = mcp_span("app", &it.word);
        span.in_scope(|| span.set_data("passphrase", it.secret.clone()));
    })
    .form(Form::Named),
    Place::now("name of mcp_span's data", Both, |it| {
        let span = mcp_span("app", "step");
        span.in_scope(|| span.set_data(it.text.clone(), 1_i64));
    })
    .form(Form::Brief),
    Place::now("mcp_span's error", Both, |it| {
        let span = mcp_span("app", "step");
        span.in_scope(|| span.set_error("app", &it.text));
    }),
    Place::now("status message", Both, |it| {
        Span::current().set_status(Status::error(it.text.clone()));
    }),
    Place::now("name of a span event", Both, |it| {
        Span::current().add_event(it.text.clone(), Vec::new());
    }),
    Place::now("attribute of a span event", Both, |it| {
        let attributes = vec![KeyValue::new("note", it.text.clone())];
        Span::current().add_event("noted", attributes);
    }),
    Place::now("name of a span event's attribute", Both, |it| {
        let attributes = vec![KeyValue::new(it.text.clone(), 1_i64)];
        Span::current().add_event("noted", attributes);
    })
    .form(Form::Brief),
    Place::now("attribute of a link", Both, |it| {
        let attributes = vec![KeyValue::new("note", it.text.clone())];
        Span::current().add_link_with_attributes(foreign(TraceState::NONE), attributes);
    }),
    Place::now("name of a link's attribute", Both, |it| {
        let attributes = vec![KeyValue::new(it.text.clone(), 1_i64)];
        Span::current().add_link_with_attributes(foreign(TraceState::NONE), attributes);
    })
    .form(Form::Brief),
    Place::now("tracestate of a link", Otlp, |it| {
        Span::current().add_link(foreign(state(&it.text)));
    })
    .form(Form::Member),
    Place::now("tracestate of a parent", Otlp, |it| {
        let context = Context::new().with_remote_span_context(foreign(state(&it.text)));
        let tracer = global::tracer("app");
        drop(tracer.start_with_context("step", &context));
    })
    .form(Form::Member),
    Place::now("span of OTel's API", Both, |it| {
        let tracer = global::tracer("app");
        let span = tracer.span_builder(it.text.clone());
        let attributes = [KeyValue::new("note", it.text.clone())];
        let span = span.with_attributes(attributes);
        let links = [KeyValue::new("note", it.text.clone())];
        let span = span.with_links(vec![Link::new(foreign(TraceState::NONE), links.into(), 0)]);
        drop(span.start(&tracer));
    }),
    Place::now("name of a tracer", Otlp, |it| {
        drop(global::tracer(it.text.clone()).start("step"));
    }),
    Place::now("facts about a tracer", Otlp, |it| {
        let scope = InstrumentationScope::builder("app")
            .with_version(it.text.clone())
            .with_schema_url(it.text.clone())
            .with_attributes([KeyValue::new(it.text.clone(), it.text.clone())])
            .build();
        drop(
            global::tracer_provider()
                .tracer_with_scope(scope)
                .start("step"),
        );
    })
    .form(Form::Brief),
    Place::now("argument of a traced tool", Both, |it| drop(tool(&it.text))).gated(),
    Place::now(
        "argument of a traced tool under the secret's name",
        Both,
        |it| {
            drop(locked_tool(&it.word, &it.secret));
        },
    )
    .gated()
    .form(Form::Named),
    Place::now("result of a traced tool", Both, |it| drop(given(&it.text))).gated(),
    Place::now("error of a traced tool", Both, |it| {
        drop(broken_tool(&it.text))
    }),
    Place::now("argument of a traced resource", Both, |it| {
        resource(&it.text)
    })
    .gated(),
    Place::now("argument of a traced prompt", Both, |it| prompt(&it.text)).gated(),
    Place::now("argument of a Splunk operation", Both, |it| {
        operation(&it.text)
    })
    .gated(),
    Place::now("error of a Splunk operation", Both, |it| {
        drop(broken_operation(&it.text));
    }),
    Place::now("fact recorded in a Splunk operation", Both, |it| {
        recording(&it.text)
    }),
    Place::now("Sentry's own attributes of a span", Both, |it| {
        let span = mcp_span("app", "step");
        span.in_scope(|| {
            span.set_data("sentry.description", it.text.clone());
            span.set_data("sentry.origin", it.text.clone());
            span.set_data("sentry.custom_span_name", it.text.clone());
            span.set_data("sentry.status", it.text.clone());
            span.set_data("sentry.source", it.text.clone());
        });
    }),
];

fn foreign(state: TraceState) -> SpanContext {
    let ids = (TraceId::from(0xab_u128), SpanId::from(0xcd_u64));
    SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, true, state)
}

fn state(text: &str) -> TraceState {
    TraceState::from_key_value([("vendor", text)]).unwrap()
}

fn token(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[trace_mcp_tool("tool")]
fn tool(text: &str) -> io::Result<()> {
    let _ = text;
    Ok(())
}

#[trace_mcp_tool("locked_tool")]
fn locked_tool(beside: &str, token: &str) -> io::Result<()> {
    let _ = (beside, token);
    Ok(())
}

#[trace_mcp_tool("given", ret, skip(text))]
fn given(text: &str) -> io::Result<String> {
    Ok(text.to_owned())
}

#[trace_mcp_tool("broken_tool", skip(text))]
fn broken_tool(text: &str) -> io::Result<()> {
    Err(io::Error::other(text.to_owned()))
}

#[trace_mcp_resource("resource")]
fn resource(text: &str) {
    let _ = text;
}

#[trace_mcp_prompt("prompt")]
fn prompt(text: &str) {
    let _ = text;
}

#[trace_splunk_operation("operation")]
fn operation(text: &str) {
    let _ = text;
}

#[trace_splunk_operation("broken_operation", skip(text))]
fn broken_operation(text: &str) -> io::Result<()> {
    Err(io::Error::other(text.to_owned()))
}

#[trace_splunk_operation("recording", skip(text))]
fn recording(text: &str) {
    record("splunk.note", text.to_owned());
}

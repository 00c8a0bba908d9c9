//! Breadcrumbs, which stand on the errors after them.

use mcp_telemetry::sentry::{self, Breadcrumb as SentryBreadcrumb};
use mcp_telemetry::{
    Breadcrumb, McpErrorContext, add_breadcrumb, capture_mcp_error, opentelemetry,
};
use opentelemetry::{Array, StringValue, Value};

use crate::place::Arrives::{Both, Sentry};
use crate::place::{Form, Place};

pub(crate) const PLACES: &[Place] = &[
    Place::now("breadcrumb", Sentry, |it| left(Breadcrumb::new(&*it.text))),
    Place::now("category of a breadcrumb", Sentry, |it| {
        left(Breadcrumb::new("step").with_category(&*it.text));
    }),
    Place::now("data of a breadcrumb", Sentry, |it| {
        left(Breadcrumb::new("step").with_data("note", it.text.clone()));
    }),
    Place::now("list in a breadcrumb", Sentry, |it| {
        let list = Value::Array(Array::String(vec![StringValue::from(it.text.clone())]));
        left(Breadcrumb::new("step").with_data("notes", list));
    }),
    Place::now(
        "data of a breadcrumb under the secret's name",
        Sentry,
        |it| {
            let step = Breadcrumb::new(&*it.word);
            left(step.with_data("client_secret", it.secret.clone()));
        },
    )
    .form(Form::Named),
    Place::now("name of a breadcrumb's data", Sentry, |it| {
        left(Breadcrumb::new("step").with_data(&*it.text, 1_i64));
    })
    .form(Form::Brief),
    Place::now("breadcrumb of the SDK's", Sentry, |it| {
        sentry::add_breadcrumb(SentryBreadcrumb {
            message: Some(it.text.clone()),
            ..SentryBreadcrumb::default()
        });
        failed();
    }),
    Place::now("type of a breadcrumb of the SDK's", Sentry, |it| {
        sentry::add_breadcrumb(SentryBreadcrumb {
            ty: it.text.clone(),
            ..SentryBreadcrumb::default()
        });
        failed();
    }),
    Place::now("log before an error", Both, |it| {
        tracing::info!(note = it.text, "noted");
        failed();
    }),
];

fn left(breadcrumb: Breadcrumb) {
    add_breadcrumb(breadcrumb);
    failed();
}

fn failed() {
    let error = std::io::Error::other("it broke");
    capture_mcp_error(&error, McpErrorContext::new());
}

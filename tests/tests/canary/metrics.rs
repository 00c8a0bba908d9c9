//! The app's own metrics, by OTel's API.

use mcp_telemetry::opentelemetry::metrics::Meter;
use mcp_telemetry::opentelemetry::{InstrumentationScope, KeyValue, global};

use crate::place::Arrives::Otlp;
use crate::place::{Form, Place};

pub(crate) const PLACES: &[Place] = &[
    Place::now("attribute of a counter", Otlp, |it| {
        let counter = meter().u64_counter("app.steps").build();
        counter.add(1, &[KeyValue::new("note", it.text.clone())]);
    }),
    Place::now(
        "attribute of a counter under the secret's name",
        Otlp,
        |it| {
            let counter = meter().u64_counter("app.logins").build();
            let (beside, secret) = (it.word.clone(), it.secret.clone());
            counter.add(
                1,
                &[
                    KeyValue::new("beside", beside),
                    KeyValue::new("token", secret),
                ],
            );
        },
    )
    .form(Form::Named),
    Place::now("name of a counter's attribute", Otlp, |it| {
        let counter = meter().u64_counter("app.names").build();
        counter.add(1, &[KeyValue::new(it.text.clone(), 1_i64)]);
    })
    .form(Form::Brief),
    Place::now("attribute of a histogram", Otlp, |it| {
        let histogram = meter().f64_histogram("app.time").build();
        histogram.record(0.5, &[KeyValue::new("note", it.text.clone())]);
    }),
    Place::now("attribute of a gauge", Otlp, |it| {
        let gauge = meter().i64_gauge("app.size").build();
        gauge.record(1, &[KeyValue::new("note", it.text.clone())]);
    }),
    Place::now("name of a counter", Otlp, |it| {
        meter().u64_counter(it.text.clone()).build().add(1, &[]);
    })
    .form(Form::Name),
    Place::now("description of a counter", Otlp, |it| {
        let meter = meter();
        let counter = meter.u64_counter(format!("app.{}", it.word));
        counter
            .with_description(it.text.clone())
            .build()
            .add(1, &[]);
    }),
    Place::now("name of a meter", Otlp, |it| {
        let meter = global::meter_provider().meter_with_scope(named(&it.text));
        meter.u64_counter("app.steps").build().add(1, &[]);
    }),
    Place::now("facts about a meter", Otlp, |it| {
        let scope = InstrumentationScope::builder("app")
            .with_version(it.text.clone())
            .with_schema_url(it.text.clone())
            .with_attributes([KeyValue::new(it.text.clone(), it.text.clone())])
            .build();
        let meter = global::meter_provider().meter_with_scope(scope);
        meter.u64_counter("app.steps").build().add(1, &[]);
    })
    .form(Form::Brief),
];

fn meter() -> Meter {
    global::meter("app")
}

fn named(name: &str) -> InstrumentationScope {
    InstrumentationScope::builder(name.to_owned()).build()
}

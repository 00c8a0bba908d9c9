//! What a client writes into its messages.

use mcp_telemetry::TracedHandler;
use serde_json::{Value, json};

use crate::line::Line;
use crate::parrot::Parrot;
use crate::place::Arrives::{Both, Nowhere, Otlp};
use crate::place::{Form, Place};
use crate::plants::Planted;
use crate::world::{World, percent};

pub(crate) const PLACES: &[Place] = &[
    Place::sent("tool argument", Both, |world, it| {
        Box::pin(call(world, json!({ "note": it.text })))
    })
    .gated(),
    Place::sent(
        "tool argument under the secret's name",
        Both,
        |world, it| {
            Box::pin(call(
                world,
                json!({ "beside": it.word, "api_key": it.secret }),
            ))
        },
    )
    .gated()
    .form(Form::Named),
    Place::sent("tool argument deep inside", Both, |world, it| {
        let inner = json!({ "list": [{ "more": { "note": it.text } }] });
        Box::pin(call(world, json!({ "inner": inner })))
    })
    .gated(),
    Place::sent("tool argument that is JSON in a text", Both, |world, it| {
        let inner = json!({ "note": it.text, "password": it.secret });
        Box::pin(call(world, json!({ "body": inner.to_string() })))
    })
    .gated(),
    Place::sent("name of a tool argument", Both, |world, it| {
        Box::pin(call(world, json!({ it.text.clone(): 1 })))
    })
    .gated()
    .form(Form::Brief),
    Place::sent(
        "name of a tool that nobody registered",
        Both,
        |world, it| Box::pin(request(world, "tools/call", json!({ "name": it.text }))),
    ),
    Place::sent(
        "name of a prompt that nobody registered",
        Both,
        |world, it| Box::pin(request(world, "prompts/get", json!({ "name": it.text }))),
    ),
    Place::sent("prompt argument", Both, |world, it| {
        let arguments = json!({ "note": it.text });
        Box::pin(request(world, "prompts/get", prompt("takes", arguments)))
    })
    .gated(),
    Place::sent(
        "prompt argument under the secret's name",
        Both,
        |world, it| {
            let arguments = json!({ "beside": it.word, "password": it.secret });
            Box::pin(request(world, "prompts/get", prompt("takes", arguments)))
        },
    )
    .gated()
    .form(Form::Named),
    Place::sent("name of a prompt argument", Both, |world, it| {
        let arguments = json!({ it.text.clone(): "1" });
        Box::pin(request(world, "prompts/get", prompt("takes", arguments)))
    })
    .gated()
    .form(Form::Brief),
    Place::sent("resource URI", Both, |world, it| {
        let uri = format!("parrot://{}", percent(&it.text));
        Box::pin(request(world, "resources/read", json!({ "uri": uri })))
    })
    .form(Form::InUrl),
    Place::sent("query of a resource URI", Both, |world, it| {
        let uri = format!("parrot://a?note={}", percent(&it.text));
        Box::pin(request(world, "resources/read", json!({ "uri": uri })))
    })
    .gated()
    .form(Form::InUrl),
    Place::sent("resource URI that is none", Both, |world, it| {
        Box::pin(request(world, "resources/read", json!({ "uri": it.text })))
    })
    .form(Form::Name),
    Place::sent("URI of a subscription", Both, |world, it| {
        let uri = format!("parrot://a?note={}", percent(&it.text));
        Box::pin(request(world, "resources/subscribe", json!({ "uri": uri })))
    })
    .gated()
    .form(Form::InUrl),
    Place::sent("method that nobody knows", Nowhere, |world, it| {
        Box::pin(request(world, &it.text, json!({})))
    }),
    Place::sent(
        "parameters of a method that nobody knows",
        Nowhere,
        |world, it| Box::pin(request(world, "no/such", json!({ "note": it.text }))),
    ),
    Place::sent("notification that nobody knows", Nowhere, |world, it| {
        Box::pin(notify(
            world,
            "notifications/custom",
            json!({ "note": it.text }),
        ))
    }),
    Place::sent("id of a request", Both, |world, it| {
        Box::pin(async move {
            let id = Value::from(it.text.as_str());
            world.parrot.request_as(id, "ping", json!({})).await;
        })
    }),
    Place::sent("cursor", Nowhere, |world, it| {
        Box::pin(request(world, "tools/list", json!({ "cursor": it.text })))
    }),
    Place::sent("argument to complete", Nowhere, |world, it| {
        let params = json!({
            "ref": { "type": "ref/prompt", "name": it.text },
            "argument": { "name": it.text, "value": it.text },
            "context": { "arguments": { "note": it.text } },
        });
        Box::pin(request(world, "completion/complete", params))
    }),
    Place::sent("level that nobody knows", Nowhere, |world, it| {
        Box::pin(request(
            world,
            "logging/setLevel",
            json!({ "level": it.text }),
        ))
    }),
    Place::sent("progress of a client", Both, |world, it| {
        let params = json!({ "progressToken": 1, "progress": 1, "message": it.text });
        Box::pin(notify(world, "notifications/progress", params))
    })
    .gated(),
    Place::sent("progress token", Both, |world, it| {
        let params = json!({ "progressToken": it.text, "progress": 1 });
        Box::pin(notify(world, "notifications/progress", params))
    }),
    Place::sent("reason of a cancellation", Both, |world, it| {
        let params = json!({ "requestId": 999, "reason": it.text });
        Box::pin(notify(world, "notifications/cancelled", params))
    })
    .gated(),
    Place::sent("id of a request that is cancelled", Both, |world, it| {
        let params = json!({ "requestId": it.text });
        Box::pin(notify(world, "notifications/cancelled", params))
    }),
    Place::sent("client's name", Both, |world, it| {
        let client = json!({ "name": it.text, "version": "1" });
        Box::pin(connect(world, client))
    }),
    Place::sent("client's version", Both, |world, it| {
        let client = json!({ "name": "a", "version": it.text });
        Box::pin(connect(world, client))
    }),
    Place::sent("client's title", Both, |world, it| {
        let client = json!({ "name": "a", "version": "1", "title": it.text });
        Box::pin(connect(world, client))
    }),
    Place::sent("client's description and site", Nowhere, |world, it| {
        let client = json!({
            "name": "a", "version": "1", "description": it.text,
            "websiteUrl": format!("https://a/{}", percent(&it.text)),
        });
        Box::pin(connect(world, client))
    }),
    Place::sent("_meta", Nowhere, |world, it| {
        let meta = json!({ "note": it.text, "password": it.secret, "progressToken": it.text });
        Box::pin(with_meta(world, meta))
    }),
    Place::sent("tracestate in _meta", Otlp, |world, it| {
        let state = format!("vendor={}", it.text);
        Box::pin(traced(world, json!({ "tracestate": state })))
    })
    .form(Form::Member),
    Place::sent(
        "tracestate member under the secret's name",
        Otlp,
        |world, it| {
            let state = format!("beside={},password={}", it.word, token(&it.secret));
            Box::pin(traced(world, json!({ "tracestate": state })))
        },
    )
    .form(Form::Named),
    Place::sent("baggage in _meta", Nowhere, |world, it| {
        let baggage = format!(
            "note={},password={}",
            percent(&it.text),
            percent(&it.secret)
        );
        Box::pin(traced(world, json!({ "baggage": baggage })))
    }),
    Place::sent("Sentry's baggage in _meta", Both, |world, it| {
        Box::pin(traced_by_sentry(world, it))
    }),
    Place::sent("trace parent that is none", Nowhere, |world, it| {
        let meta = json!({ "traceparent": it.text, "sentry-trace": it.text });
        Box::pin(with_meta(world, meta))
    }),
];

async fn request(world: &mut World, method: &str, params: Value) {
    world.parrot.request(method, params).await;
}

async fn notify(world: &mut World, method: &str, params: Value) {
    world.parrot.notify(method, params).await;
}

async fn call(world: &mut World, arguments: Value) {
    let params = json!({ "name": "does", "arguments": arguments });
    request(world, "tools/call", params).await;
}

async fn with_meta(world: &mut World, meta: Value) {
    let params = json!({ "name": "does", "_meta": meta });
    request(world, "tools/call", params).await;
}

fn prompt(name: &str, arguments: Value) -> Value {
    json!({ "name": name, "arguments": arguments })
}

/// A session of its own.
async fn connect(world: &mut World, client: Value) {
    let parrot = TracedHandler::new(Parrot::new(world.said.clone()));
    let mut line = Line::open_as(parrot, &world.said, client).await;
    line.call("does").await;
}

/// A call below a span of another process.
async fn traced(world: &mut World, mut meta: Value) {
    let (trace, span) = ids();
    meta["traceparent"] = format!("00-{trace}-{span}-01").into();
    with_meta(world, meta).await;
}

async fn traced_by_sentry(world: &mut World, it: &Planted) {
    let (trace, span) = ids();
    let text = percent(&it.text);
    let baggage = format!(
        "sentry-trace_id={trace},sentry-public_key=0123456789abcdef0123456789abcdef,\
         sentry-sample_rate=1.0,sentry-sampled=true,sentry-transaction={text},\
         sentry-release={text},sentry-environment={text},sentry-user_id={text}"
    );
    let meta = json!({ "sentry-trace": format!("{trace}-{span}-1"), "baggage": baggage });
    with_meta(world, meta).await;
}

/// Other ones each time.
fn ids() -> (String, String) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    (
        format!("0af7651916cd43dd{number:016x}"),
        format!("{number:016x}"),
    )
}

fn token(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

//! What a server answers, tells and asks.

use serde_json::json;

use crate::place::Arrives::{Both, Nowhere, Sentry};
use crate::place::{Form, Place};
use crate::world::World;

pub(crate) const PLACES: &[Place] = &[
    Place::sent("tool result", Both, |world, _| {
        Box::pin(call(world, "says"))
    })
    .gated(),
    Place::sent("structured tool result", Both, |world, _| {
        Box::pin(call(world, "says in a structure"))
    })
    .gated(),
    Place::sent("failure of a tool", Both, |world, _| {
        Box::pin(call(world, "fails"))
    })
    .gated(),
    Place::sent("JSON-RPC error of a tool", Both, |world, _| {
        Box::pin(call(world, "breaks"))
    }),
    Place::sent("data of a JSON-RPC error", Nowhere, |world, _| {
        Box::pin(call(world, "breaks with data"))
    }),
    Place::sent("error that is the caller's fault", Nowhere, |world, _| {
        Box::pin(call(world, "refuses"))
    }),
    Place::sent("panic of a tool", Sentry, |world, _| {
        Box::pin(world.parrot.call_in_vain("panics"))
    }),
    Place::sent("log of a tool that breaks", Both, |world, _| {
        Box::pin(call(world, "logs and breaks"))
    }),
    Place::sent(
        "error that a tool captures and returns",
        Both,
        |world, _| Box::pin(call(world, "captures and breaks")),
    ),
    Place::sent("user of a request", Sentry, |world, _| {
        Box::pin(call(world, "has a user"))
    }),
    Place::sent("list of tools", Nowhere, |world, _| {
        Box::pin(request(world, "tools/list", json!({})))
    }),
    Place::sent("list of resources", Nowhere, |world, _| {
        Box::pin(request(world, "resources/list", json!({})))
    }),
    Place::sent("contents of a resource", Nowhere, |world, _| {
        Box::pin(request(
            world,
            "resources/read",
            json!({ "uri": "parrot://says" }),
        ))
    }),
    Place::sent("error of a resource", Both, |world, _| {
        Box::pin(request(
            world,
            "resources/read",
            json!({ "uri": "parrot://breaks" }),
        ))
    }),
    Place::sent("resource that is not there", Nowhere, |world, _| {
        Box::pin(request(
            world,
            "resources/read",
            json!({ "uri": "parrot://nothing" }),
        ))
    }),
    Place::sent("message of a prompt", Both, |world, _| {
        Box::pin(request(world, "prompts/get", json!({ "name": "says" })))
    })
    .gated(),
    Place::sent("description of a prompt", Both, |world, _| {
        Box::pin(request(
            world,
            "prompts/get",
            json!({ "name": "describes" }),
        ))
    })
    .gated(),
    Place::sent("error of a prompt", Both, |world, _| {
        Box::pin(request(world, "prompts/get", json!({ "name": "breaks" })))
    }),
    Place::sent("progress of a server", Both, |world, _| {
        Box::pin(call(world, "tells progress"))
    }),
    Place::sent("log notification", Both, |world, _| {
        Box::pin(call(world, "tells logs"))
    }),
    Place::sent("updated resource", Both, |world, _| {
        Box::pin(call(world, "tells updates"))
    })
    .form(Form::InUrl),
    Place::sent("cancellation by a server", Both, |world, _| {
        Box::pin(call(world, "tells of cancellation"))
    })
    .gated(),
    Place::sent("elicitation and its answer", Nowhere, |world, _| {
        Box::pin(call(world, "asks a user"))
    }),
    Place::sent("sampling and its answer", Nowhere, |world, _| {
        Box::pin(call(world, "asks a model"))
    }),
    Place::sent("roots", Nowhere, |world, _| {
        Box::pin(call(world, "asks for roots"))
    }),
];

async fn call(world: &mut World, tool: &str) {
    world.parrot.call(tool).await;
}

async fn request(world: &mut World, method: &str, params: serde_json::Value) {
    world.parrot.request(method, params).await;
}

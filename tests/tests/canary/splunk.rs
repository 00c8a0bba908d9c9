//! SPL, and what Splunk says.

use serde_json::{Value, json};

use crate::line::Line;
use crate::place::Arrives::{Both, Nowhere};
use crate::place::{Form, Place};
use crate::world::World;

pub(crate) const PLACES: &[Place] = &[
    Place::sent("SPL", Both, |world, it| {
        let quoted = it.text.replace('\\', "\\\\").replace('"', "\\\"");
        let spl = format!("index=main | stats count | eval note=\"{quoted}\"");
        Box::pin(search(world, json!({ "query": spl })))
    })
    .gated(),
    Place::sent("SPL as it is", Both, |world, it| {
        Box::pin(search(
            world,
            json!({ "query": format!("index=main {}", it.text) }),
        ))
    })
    .gated(),
    Place::sent("SPL that Splunk refuses", Both, |world, it| {
        let spl = format!("index=main | frobnicate {}", it.text);
        Box::pin(search(world, json!({ "query": spl })))
    })
    .gated(),
    Place::sent("time of a search", Both, |world, it| {
        let arguments = json!({ "query": "index=main", "earliest_time": it.text });
        Box::pin(search(world, arguments))
    })
    .gated(),
    Place::sent("message of Splunk", Both, |world, it| {
        world.say(&format!("message:{}", it.text));
        Box::pin(strange_search(world))
    }),
    Place::sent("page instead of Splunk", Both, |world, it| {
        world.say(&format!("page:{}", it.text));
        Box::pin(strange_search(world))
    }),
    Place::sent("headers of Splunk", Nowhere, |world, it| {
        world.say(&format!("headers:{}", it.text));
        Box::pin(strange_search(world))
    })
    .form(Form::Line),
];

async fn search(world: &mut World, arguments: Value) {
    one_search(&mut world.splunk, arguments).await;
}

async fn strange_search(world: &mut World) {
    one_search(&mut world.strange, json!({ "query": "index=main" })).await;
}

async fn one_search(line: &mut Line, arguments: Value) {
    let params = json!({ "name": "run_oneshot_search", "arguments": arguments });
    let answer = line.request("tools/call", params).await;
    assert!(answer["result"].is_object(), "{answer}");
}

//! With rmcp's own macros, above and below `#[prompt]`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{GetPromptResult, PromptMessage, Role};
use rmcp::{ErrorData, prompt, prompt_router, schemars};

use super::*;

#[derive(Debug, rmcp::serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "rmcp::serde")]
struct Triage {
    index: String,
}

struct Prompts;

#[prompt_router]
impl Prompts {
    /// Attribute above.
    #[trace_mcp_prompt("triage_above")]
    #[prompt]
    async fn above(
        &self,
        Parameters(Triage { index }): Parameters<Triage>,
    ) -> Result<GetPromptResult, ErrorData> {
        ask(&index)
    }

    // As with `#[tool]`: no description from the comment when an attribute follows.
    #[prompt(name = "triage_below", description = "Attribute below.")]
    #[trace_mcp_prompt("triage_below", ret)]
    async fn below(
        &self,
        Parameters(Triage { index }): Parameters<Triage>,
    ) -> Result<GetPromptResult, ErrorData> {
        let result = ask(&index)?;
        Ok(result)
    }

    /// Without arguments.
    #[trace_mcp_prompt]
    #[prompt(name = "hello")]
    async fn plain(&self) -> Vec<PromptMessage> {
        vec![PromptMessage::new_text(Role::User, "hello")]
    }
}

fn ask(index: &str) -> Result<GetPromptResult, ErrorData> {
    match index {
        "refused" => Err(ErrorData::invalid_params("no", None)),
        index => {
            let message = PromptMessage::new_text(Role::User, index);
            Ok(GetPromptResult::new(vec![message]))
        }
    }
}

fn triage(index: &str) -> Parameters<Triage> {
    Parameters(Triage {
        index: index.to_owned(),
    })
}

#[test]
fn both_places_trace_alike() {
    for (index, outcome) in [
        ("main", Outcome::Success),
        (
            "refused",
            error(std::any::type_name::<ErrorData>(), "-32602: no"),
        ),
    ] {
        let argument = format!("{index:?}");
        let _ = ready(Prompts.above(triage(index)));
        expect("triage_above", &[("index", &argument)], &outcome);
        let _ = ready(Prompts.below(triage(index)));
        expect("triage_below", &[("index", &argument)], &outcome);
    }
    assert_eq!(ready(Prompts.plain()).len(), 1);
    expect("plain", &[], &Outcome::Success);
}

#[test]
fn ret_shows_the_messages() {
    ready(Prompts.below(triage("main"))).unwrap();
    let returned = call().returned.unwrap();
    assert!(
        returned.text.contains(r#""messages":[{"role":"user""#),
        "{returned:?}"
    );
}

#[test]
fn the_router_knows_them() {
    let mut prompts: Vec<_> = Prompts::prompt_router()
        .list_all()
        .into_iter()
        .map(|prompt| (prompt.name.clone(), prompt.description.unwrap_or_default()))
        .collect();
    prompts.sort();
    let expected = [
        ("above", "Attribute above."),
        ("hello", "Without arguments."),
        ("triage_below", "Attribute below."),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(prompts, expected);
}

//! With rmcp's own macros, above and below `#[tool]`.

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock};
use rmcp::{ErrorData, schemars, tool, tool_router};

use super::*;

#[derive(Debug, rmcp::serde::Deserialize, schemars::JsonSchema)]
#[serde(crate = "rmcp::serde")]
struct Search {
    query: String,
}

struct Tools;

#[tool_router]
impl Tools {
    /// Attribute above.
    #[trace_mcp_tool("search_above")]
    #[tool]
    async fn above(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, ErrorData> {
        answer(&query)
    }

    // rmcp 3.11 takes no description from the comment when an attribute follows `#[tool]`.
    #[tool(name = "search_below", description = "Attribute below.")]
    #[trace_mcp_tool("search_below")]
    async fn below(
        &self,
        Parameters(Search { query }): Parameters<Search>,
    ) -> Result<CallToolResult, ErrorData> {
        let result = answer(&query)?;
        Ok(result)
    }

    /// Blocks.
    #[trace_mcp_tool]
    #[tool]
    fn blocking(&self, params: Parameters<Search>) -> String {
        params.0.query
    }
}

fn answer(query: &str) -> Result<CallToolResult, ErrorData> {
    let text = vec![ContentBlock::text(query)];
    match query {
        "refused" => Err(ErrorData::invalid_params("no", None)),
        "failed" => Ok(CallToolResult::error(text)),
        _ => Ok(CallToolResult::success(text)),
    }
}

fn search(query: &str) -> Parameters<Search> {
    Parameters(Search {
        query: query.to_owned(),
    })
}

#[test]
fn both_places_trace_alike() {
    for (query, outcome) in [
        ("ok", Outcome::Success),
        (
            "failed",
            Outcome::ToolError {
                message: "failed".to_owned(),
            },
        ),
        (
            "refused",
            error(std::any::type_name::<ErrorData>(), "-32602: no"),
        ),
    ] {
        let argument = format!("{query:?}");
        let _ = ready(Tools.above(search(query)));
        expect("search_above", &[("query", &argument)], &outcome);
        let _ = ready(Tools.below(search(query)));
        expect("search_below", &[("query", &argument)], &outcome);
    }
    assert_eq!(Tools.blocking(search("sync")), "sync");
    let argument = "Parameters(Search { query: \"sync\" })";
    expect("blocking", &[("params", argument)], &Outcome::Success);
}

#[test]
fn the_router_knows_them() {
    let mut tools: Vec<_> = Tools::tool_router()
        .list_all()
        .into_iter()
        .map(|tool| {
            (
                tool.name.into_owned(),
                tool.description.unwrap_or_default().into_owned(),
            )
        })
        .collect();
    tools.sort();
    let expected = [
        ("above", "Attribute above."),
        ("blocking", "Blocks."),
        ("search_below", "Attribute below."),
    ];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(tools, expected);
}

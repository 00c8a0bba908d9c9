//! What `ret` records.

use serde::Serialize;

use super::*;

#[derive(Debug, Serialize)]
struct Rows {
    results: Vec<u8>,
    count: usize,
}

fn rows() -> Rows {
    Rows {
        results: vec![1],
        count: 1,
    }
}

#[track_caller]
fn returned() -> Option<(String, Option<String>)> {
    call().returned.map(|it| (it.text, it.keys))
}

#[trace_mcp_tool]
async fn without() -> Rows {
    rows()
}

#[trace_mcp_tool(ret)]
async fn awaited(fail: bool) -> Result<Rows, String> {
    if fail {
        return Err("no rows".to_owned());
    }
    Ok(rows())
}

#[trace_splunk_operation("search", skip_all, ret)]
fn blocking(_query: &str) -> Result<Rows, std::num::ParseIntError> {
    let _: u8 = "7".parse()?;
    Ok(rows())
}

#[trace_mcp_prompt(ret)]
fn boxed(text: String) -> Pin<Box<dyn Future<Output = Option<String>> + Send>> {
    Box::pin(async move { Some(text) })
}

#[trace_mcp_resource(ret)]
async fn hidden() -> impl Debug {
    Some('x')
}

#[trace_mcp_tool(ret)]
async fn nothing_to_show() -> Opaque {
    Opaque
}

#[trace_mcp_tool(ret)]
fn generic<T: Serialize, U>(shown: T, hidden: U) -> (T, U) {
    (shown, hidden)
}

struct Store(Vec<String>);

impl Store {
    #[trace_mcp_tool(ret)]
    async fn first(&self) -> Option<&str> {
        Some(self.0.first()?.as_str())
    }
}

#[test]
fn the_returned_value_is_recorded_where_it_is_asked_for() {
    ready(without());
    assert_eq!(returned(), None);

    let text = r#"{"results":[1],"count":1}"#.to_owned();
    let shown = Some((text, Some(r#"["results","count"]"#.to_owned())));
    assert!(ready(awaited(false)).is_ok());
    assert_eq!(returned(), shown);
    assert!(blocking("q").is_ok());
    assert_eq!(returned(), shown);

    // What went wrong is the outcome's to tell.
    assert!(ready(awaited(true)).is_err());
    assert_eq!(returned(), None);
}

#[test]
fn every_form_of_function_can_have_it() {
    ready(boxed("a".to_owned()));
    assert_eq!(returned(), Some((r#""a""#.to_owned(), None)));
    ready(hidden());
    // The body knows the type that the signature hides.
    assert_eq!(returned(), Some((r#""x""#.to_owned(), None)));
    ready(nothing_to_show());
    assert_eq!(returned(), None);
    generic(1, 2);
    assert_eq!(returned(), None);
    assert_eq!(ready(Store(vec!["a".to_owned()]).first()), Some("a"));
    assert_eq!(returned(), Some((r#""a""#.to_owned(), None)));
}

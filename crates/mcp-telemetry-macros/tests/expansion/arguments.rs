//! Which arguments are recorded.

use super::*;

#[derive(Debug)]
struct Search {
    query: String,
    limit: u8,
}

#[derive(Debug)]
struct Parameters<T>(T);

#[derive(Debug)]
struct RequestContext;

#[trace_mcp_tool]
async fn destructured(
    Parameters(Search { query, limit: max }): Parameters<Search>,
    (a, _): (u8, u8),
    &b: &u8,
) -> usize {
    query.len() + usize::from(max + a + b)
}

#[trace_mcp_tool]
async fn whole(params: Parameters<Search>, context: RequestContext, _unused: u8) {
    drop((params, context));
}

#[trace_mcp_tool(skip(password), name = "login")]
async fn skipped(user: &str, password: &str) -> usize {
    user.len() + password.len()
}

#[trace_mcp_tool(skip_all)]
async fn all_skipped(user: &str) -> usize {
    user.len()
}

#[trace_mcp_tool]
fn some_opaque(shown: u8, hidden: Opaque, function: impl Fn(u8) -> u8) -> u8 {
    let _ = hidden;
    function(shown)
}

#[trace_mcp_tool]
fn generic<T, D: Debug>(opaque: T, debug: D) -> (T, D)
where
    T: Clone,
{
    (opaque.clone(), debug)
}

#[trace_mcp_tool]
fn keyword(r#type: u8, call: u8, body: u8, returned: u8) -> u8 {
    r#type + call + body + returned
}

#[trace_mcp_tool]
fn configured(#[cfg(not(test))] gone: u8, #[cfg(test)] here: u8) -> u8 {
    here
}

#[test]
fn bindings_are_recorded_by_name() {
    let search = || {
        Parameters(Search {
            query: "q".to_owned(),
            limit: 2,
        })
    };
    assert_eq!(ready(destructured(search(), (3, 4), &5)), 11);
    expect(
        "destructured",
        &[("query", "\"q\""), ("max", "2"), ("a", "3"), ("b", "5")],
        &Outcome::Success,
    );
    ready(whole(search(), RequestContext, 1));
    let text = "Parameters(Search { query: \"q\", limit: 2 })";
    expect("whole", &[("params", text)], &Outcome::Success);
}

#[test]
fn skipped_arguments_are_not_recorded() {
    assert_eq!(ready(skipped("me", "hunter2")), 9);
    expect("login", &[("user", "\"me\"")], &Outcome::Success);
    assert_eq!(ready(all_skipped("me")), 2);
    expect("all_skipped", &[], &Outcome::Success);
}

#[test]
fn arguments_without_debug_are_not_recorded() {
    assert_eq!(some_opaque(1, Opaque, |value| value + 1), 2);
    expect("some_opaque", &[("shown", "1")], &Outcome::Success);
    let (_, debug) = generic(Opaque, "x");
    assert_eq!(debug, "x");
    expect("generic", &[("debug", "\"x\"")], &Outcome::Success);
}

#[test]
fn names_of_arguments_do_not_meet_those_of_the_expansion() {
    assert_eq!(keyword(1, 2, 3, 4), 10);
    let arguments = [
        ("type", "1"),
        ("call", "2"),
        ("body", "3"),
        ("returned", "4"),
    ];
    expect("keyword", &arguments, &Outcome::Success);
    assert_eq!(configured(1), 1);
    expect("configured", &[("here", "1")], &Outcome::Success);
}

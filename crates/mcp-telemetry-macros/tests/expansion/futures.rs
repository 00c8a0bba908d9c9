//! Functions that return a future.

use super::*;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[trace_mcp_tool]
fn boxed(
    text: String,
) -> Pin<Box<dyn Future<Output = Result<u8, std::num::ParseIntError>> + Send>> {
    Box::pin(async move {
        let value = text.parse()?;
        Ok(value)
    })
}

#[trace_mcp_tool]
fn prepared(text: String) -> Boxed<'static, usize> {
    let length = consume(text);
    Box::pin(async move { length })
}

fn consume(text: String) -> usize {
    text.len()
}

#[trace_mcp_tool]
fn hidden(text: &str) -> impl Future<Output = usize> {
    async move { text.len() }
}

#[trace_mcp_tool]
fn borrowing(text: &str) -> Boxed<'_, usize> {
    Box::pin(async { text.len() })
}

struct Tools;

impl Tools {
    #[trace_mcp_tool("method")]
    fn method<'a>(&'a self, text: &'a str) -> Boxed<'a, &'a str> {
        std::boxed::Box::pin(async move { text })
    }
}

#[test]
fn the_future_is_what_is_traced() {
    let future = boxed("8".to_owned());
    assert_eq!(take_calls(), []);
    assert_eq!(ready(future), Ok(8));
    expect("boxed", &[("text", "\"8\"")], &Outcome::Success);
    assert!(ready(boxed("x".to_owned())).is_err());
    assert!(matches!(call().outcome, Outcome::Error { .. }));

    assert_eq!(ready(prepared("abc".to_owned())), 3);
    expect("prepared", &[("text", "\"abc\"")], &Outcome::Success);
    assert_eq!(ready(hidden("ab")), 2);
    expect("hidden", &[("text", "\"ab\"")], &Outcome::Success);
    assert_eq!(ready(borrowing("a")), 1);
    expect("borrowing", &[("text", "\"a\"")], &Outcome::Success);
    assert_eq!(ready(Tools.method("m")), "m");
    expect("method", &[("text", "\"m\"")], &Outcome::Success);
}

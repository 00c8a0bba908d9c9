//! `async` functions.

use super::*;

#[trace_mcp_tool]
async fn question_mark(text: String) -> Result<u8, std::num::ParseIntError> {
    let value: u8 = text.parse()?;
    if value == 0 {
        return Ok(100);
    }
    Ok(value)
}

#[test]
fn question_mark_and_return_mean_what_they_meant() {
    assert_eq!(ready(question_mark("7".to_owned())), Ok(7));
    expect("question_mark", &[("text", "\"7\"")], &Outcome::Success);
    assert_eq!(ready(question_mark("0".to_owned())), Ok(100));
    expect("question_mark", &[("text", "\"0\"")], &Outcome::Success);
    assert!(ready(question_mark("x".to_owned())).is_err());
    expect(
        "question_mark",
        &[("text", "\"x\"")],
        &error(
            std::any::type_name::<std::num::ParseIntError>(),
            "invalid digit found in string",
        ),
    );
}

/// The error type is known from the signature alone.
#[trace_mcp_tool]
async fn only_the_signature_tells(fail: bool) -> Result<(), Box<dyn std::error::Error>> {
    if fail {
        Err("as told")?;
    }
    Ok(())
}

#[trace_mcp_tool]
async fn coerced(early: bool) -> Box<dyn Display + Send> {
    if early {
        return Box::new(1);
    }
    Box::new("late")
}

#[trace_mcp_tool]
async fn arrays(empty: bool) -> Vec<u8> {
    if empty {
        return Vec::new();
    }
    [1, 2].into_iter().collect()
}

#[test]
fn the_signature_types_the_body() {
    assert!(ready(only_the_signature_tells(true)).is_err());
    assert!(matches!(call().outcome, Outcome::Error { message, .. } if message == "as told"));
    assert!(ready(only_the_signature_tells(false)).is_ok());
    assert_eq!(ready(coerced(true)).to_string(), "1");
    assert_eq!(ready(coerced(false)).to_string(), "late");
    assert!(ready(arrays(true)).is_empty());
    assert_eq!(ready(arrays(false)), [1, 2]);
    assert_eq!(take_calls().len(), 5);
}

#[trace_mcp_tool]
async fn hidden_type(upto: u8) -> impl Iterator<Item = u8> + Send {
    (0..upto).filter(|number| number % 2 == 0)
}

#[trace_mcp_tool]
async fn half_hidden_type(fail: bool) -> Result<impl Display, String> {
    if fail {
        return Err("hidden".to_owned());
    }
    Ok(5)
}

#[test]
fn impl_trait_can_be_returned() {
    assert_eq!(ready(hidden_type(5)).collect::<Vec<_>>(), [0, 2, 4]);
    expect("hidden_type", &[("upto", "5")], &Outcome::Success);
    assert_eq!(ready(half_hidden_type(false)).unwrap().to_string(), "5");
    expect("half_hidden_type", &[("fail", "false")], &Outcome::Success);
    assert!(ready(half_hidden_type(true)).is_err());
    let failed = error("alloc::string::String", "hidden");
    expect("half_hidden_type", &[("fail", "true")], &failed);
}

#[trace_mcp_tool]
async fn diverges(forever: bool) -> ! {
    if forever {
        std::future::pending::<()>().await;
    }
    panic!("as asked");
}

#[trace_mcp_tool]
async fn only_panics() -> u8 {
    panic!("as asked")
}

#[test]
fn bodies_that_never_return() {
    async fn waits() -> u8 {
        diverges(false).await
    }
    let caught = |future: Pin<Box<dyn Future<Output = u8>>>| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ready(future))).is_err()
    };
    assert!(caught(Box::pin(waits())));
    assert!(caught(Box::pin(only_panics())));
    assert_eq!(take_calls(), []);
}

#[trace_mcp_tool]
async fn borrows<'a>(long: &'a str, short: &str) -> &'a str {
    long.get(..short.len()).unwrap_or(long)
}

#[trace_mcp_tool]
async fn changes(mut list: Vec<u8>, target: &mut Vec<u8>) {
    list.push(3);
    target.append(&mut list);
}

#[test]
fn arguments_keep_their_lifetimes_and_mutability() {
    let long = "abcdef".to_owned();
    let found = {
        let short = "xyz".to_owned();
        ready(borrows(&long, &short))
    };
    assert_eq!(found, "abc");
    take_calls();
    let mut target = vec![1];
    ready(changes(vec![2], &mut target));
    assert_eq!(target, [1, 2, 3]);
    expect(
        "changes",
        &[("list", "[2]"), ("target", "[1]")],
        &Outcome::Success,
    );
}

/// Not `Send`, and used nowhere in the body.
#[trace_mcp_tool]
async fn sent(text: String) -> usize {
    std::future::ready(()).await;
    text.len()
}

#[test]
fn the_future_is_send_when_it_was() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    assert_eq!(ready(is_send(sent("four".to_owned()))), 4);
}

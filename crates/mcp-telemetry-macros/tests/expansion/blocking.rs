//! Functions that block.

use super::*;

struct Store {
    rows: Vec<String>,
}

impl Store {
    #[trace_splunk_operation("store.first")]
    fn first(&self) -> Option<&str> {
        Some(self.rows.first()?.as_str())
    }

    #[trace_splunk_operation("store.entries")]
    fn entries(&mut self, row: &str) -> &mut Vec<String> {
        self.rows.push(row.to_owned());
        &mut self.rows
    }

    #[trace_splunk_operation("store.into")]
    fn into_rows(self) -> Vec<String> {
        self.rows
    }

    #[trace_splunk_operation]
    fn shared(self: &Arc<Self>) -> usize {
        Arc::strong_count(self)
    }
}

#[test]
fn methods() {
    let mut store = Store { rows: vec![] };
    assert_eq!(store.first(), None);
    store.entries("a").push("b".to_owned());
    assert_eq!(store.first(), Some("a"));
    assert_eq!(Arc::new(Store { rows: vec![] }).shared(), 1);
    assert_eq!(store.into_rows(), ["a", "b"]);
    let names: Vec<_> = take_calls().iter().map(|call| call.name).collect();
    assert_eq!(
        names,
        [
            "store.first",
            "store.entries",
            "store.first",
            "shared",
            "store.into"
        ]
    );
}

#[trace_mcp_tool]
fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
    if text.is_empty() {
        return Ok(0);
    }
    let value = text.parse()?;
    Ok(value)
}

#[trace_mcp_tool]
fn coerced(early: bool) -> Box<dyn Display> {
    if early {
        return Box::new(1);
    }
    Box::new("late")
}

#[trace_mcp_tool]
fn hidden(upto: u8) -> impl Iterator<Item = u8> {
    0..upto
}

#[trace_mcp_tool]
fn diverges() -> ! {
    panic!("as asked")
}

#[trace_mcp_tool]
unsafe fn dangerous(value: u8) -> u8 {
    value
}

#[test]
fn return_types() {
    assert_eq!(parse(""), Ok(0));
    assert_eq!(parse("9"), Ok(9));
    assert!(parse("x").is_err());
    let outcomes: Vec<_> = take_calls().into_iter().map(|call| call.outcome).collect();
    assert!(matches!(
        outcomes.as_slice(),
        [Outcome::Success, Outcome::Success, Outcome::Error { .. }]
    ));
    assert_eq!(coerced(true).to_string(), "1");
    assert_eq!(coerced(false).to_string(), "late");
    assert_eq!(hidden(3).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(std::panic::catch_unwind(|| diverges()).is_err());
    assert_eq!(take_calls().len(), 3);
}

trait Tool {
    #[trace_mcp_tool]
    fn default_method(&self, times: u8) -> u8 {
        times * 2
    }

    fn required(&self) -> u8;
}

impl Tool for Opaque {
    #[trace_mcp_tool("required")]
    fn required(&self) -> u8 {
        1
    }
}

#[test]
fn trait_methods() {
    assert_eq!(Opaque.default_method(4), 8);
    expect("default_method", &[("times", "4")], &Outcome::Success);
    assert_eq!(Opaque.required(), 1);
    expect("required", &[], &Outcome::Success);
}

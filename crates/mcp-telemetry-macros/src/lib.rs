//! Attribute macros of [mcp-telemetry]: a function becomes a traced call.
//!
//! Use them from `mcp_telemetry`, which exports them and holds what they expand to. One expansion serves all of them
//! ([`trace_mcp_tool`], [`trace_splunk_operation`]):
//!
//! - a span for the call, with the name given or else the function's;
//! - an attribute for each argument whose type implements `Debug`, cut at 1 KiB and sanitized like all attributes;
//! - the outcome from the returned value: `Err` is an error, and so is a `CallToolResult` that says `isError`.
//!
//! # Where they stand
//!
//! On any function with a body: free functions, methods, generic ones, `async` or not. On functions that return a boxed
//! future the `async` block at the end is traced, so with rmcp the attribute may stand above or below `#[tool]`. Above is better:
//! rmcp 3.11 does not find a description in the doc comment when another attribute follows `#[tool]`. Everything else
//! about the function stays: other attributes, visibility, documentation, lifetimes.
//!
//! # Options
//!
//! | option | meaning |
//! |---|---|
//! | `"search"` or `name = "search"` | name of the call; without it the function's name |
//! | `skip(a, b)` | these arguments are not recorded |
//! | `skip_all` | no argument is recorded |
//!
//! Never recorded: `self`, arguments whose name starts with `_`, and arguments of types that carry the call rather than an
//! input of it (`RequestContext`, `Peer`, `Extensions` and the like, by name). A pattern is recorded by the names it
//! binds: `Parameters(Search { query, .. })` records `query`.
//!
//! # Limits
//!
//! - `const fn` and functions without a body are refused.
//! - A function that returns a future must end in the `async` block itself, `Box::pin(async ..)` or `async {..}.boxed()`.
//! - `-> impl Trait` works when the body alone determines the type; a body that only panics does not.
//!
//! [mcp-telemetry]: https://github.com/mcp-telemetry/mcp-telemetry

mod argument;
mod expand;
mod kind;
mod options;
mod returned;

use proc_macro::TokenStream;

/// Traces the execution of an MCP tool: a span with op `mcp.tool`.
///
/// The [crate documentation](crate) has the options and what is recorded.
///
/// # Example
///
/// ```
#[doc = include_str!("doc_stub.txt")]
/// use mcp_telemetry_macros::trace_mcp_tool;
///
/// #[trace_mcp_tool("splunk_search", skip(token))]
/// async fn search(query: &str, token: &str) -> Result<usize, String> {
///     if token.is_empty() {
///         return Err("no token".to_owned());
///     }
///     Ok(query.len())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(search("index=main", "t").await, Ok(10));
/// assert!(search("index=main", "").await.is_err());
/// # }
/// ```
#[proc_macro_attribute]
pub fn trace_mcp_tool(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(&kind::TOOL, options.into(), item.into()).into()
}

/// Traces an operation on Splunk: a span with op `splunk.api`.
///
/// The [crate documentation](crate) has the options and what is recorded.
///
/// # Example
///
/// ```
#[doc = include_str!("doc_stub.txt")]
/// use mcp_telemetry_macros::trace_splunk_operation;
///
/// struct Splunk {
///     indexes: Vec<String>,
/// }
///
/// impl Splunk {
///     #[trace_splunk_operation(name = "indexes.first")]
///     fn first(&self) -> Option<&str> {
///         Some(self.indexes.first()?.as_str())
///     }
/// }
///
/// # fn main() {
/// let splunk = Splunk { indexes: vec!["main".to_owned()] };
/// assert_eq!(splunk.first(), Some("main"));
/// # }
/// ```
#[proc_macro_attribute]
pub fn trace_splunk_operation(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(&kind::SPLUNK_OPERATION, options.into(), item.into()).into()
}

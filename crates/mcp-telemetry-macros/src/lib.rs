//! Attribute macros of [mcp-telemetry]: a function becomes a traced call.
//!
//! Use them from `mcp_telemetry`, which exports them and holds what they expand to. One expansion serves all of them:
//!
//! | attribute | span | arguments | result |
//! |---|---|---|---|
//! | [`trace_mcp_tool`] | op `mcp.tool` | `mcp.request.argument.*` | `mcp.tool.result.content`, `mcp.tool.result_keys` |
//! | [`trace_mcp_resource`] | op `mcp.resource` | `mcp.request.argument.*` | `mcp.resource.result.content` |
//! | [`trace_mcp_prompt`] | op `mcp.prompt` | `mcp.request.argument.*` | `mcp.prompt.result.content` |
//! | [`trace_splunk_operation`] | op `splunk.api` | `splunk.argument.*` | `splunk.result` |
//!
//! - A span for the call, with the name given or else the function's. Inside an MCP request that `TracedHandler` observes, the
//!   function that the request executes adds to the request's own execution span instead.
//! - An attribute for each argument whose type implements `Debug`: its text, cut at 1 KiB.
//! - The outcome from the returned value: `Err` is an error, and so is a `CallToolResult` that says `isError`. A result that
//!   asks for input is `input_required`. An error type named `Elapsed`, `Timeout…`, `…Timeout` or `…TimeoutError` is a timeout.
//! - With `ret` what was returned inside `Ok`: as JSON where the type implements `Serialize`, else its `Debug` text, cut at
//!   8 KiB. Of rmcp's results it is the content. For tools also the top-level keys of a JSON object, as a JSON list.
//!
//! Arguments and results are recorded only where `SENTRY_SEND_PII` lets them in. They pass the sanitizer like all attributes:
//! an argument named `password` is masked whole, a token in a query's text where it stands.
//!
//! # Where they stand
//!
//! On any function with a body: free functions, methods, generic ones, `async` or not. On functions that return a boxed
//! future the `async` block at the end is traced, so with rmcp the attribute may stand above or below `#[tool]` and
//! `#[prompt]`. Above is better: rmcp 3.11 does not find a description in the doc comment when another attribute follows its
//! own. Everything else about the function stays: other attributes, visibility, documentation, lifetimes.
//!
//! # Arguments
//!
//! Never recorded: `self`, arguments whose name starts with `_`, and arguments of types that carry the call rather than an
//! input of it (`RequestContext`, `Peer`, `Extensions` and the like, by name). A pattern is recorded by the names it
//! binds: `Parameters(Search { query, .. })` records `query`.
//!
//! # Limits
//!
//! - `const fn` and functions without a body are refused; `ret` also on functions that never return.
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
/// In a request that `TracedHandler` observes, the first function of the tool that the request names adds to the request's
/// execution span. So does a function of another name that is called directly from there: the span keeps the request's name.
/// Other traced tools that are called inside make spans of their own.
#[doc = include_str!("options.md")]
///
/// # Example
///
/// ```
#[doc = include_str!("doc_stub.txt")]
/// use mcp_telemetry_macros::trace_mcp_tool;
///
/// #[trace_mcp_tool("splunk_search", skip(token), ret)]
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

/// Traces a read of an MCP resource: a span with op `mcp.resource`.
///
/// In a request that `TracedHandler` observes, the first function that reads a resource adds to the request's execution span,
/// whatever its name: the request has a URI. The function's name is `mcp.resource.name` there. A name with `://` in it is a
/// URI, or a template of one: outside of requests it is `mcp.resource.uri`.
#[doc = include_str!("options.md")]
///
/// # Example
///
/// ```
#[doc = include_str!("doc_stub.txt")]
/// use mcp_telemetry_macros::trace_mcp_resource;
///
/// struct Splunk {
///     indexes: Vec<String>,
/// }
///
/// impl Splunk {
///     #[trace_mcp_resource("indexes")]
///     async fn read_indexes(&self) -> String {
///         self.indexes.join("\n")
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let splunk = Splunk { indexes: vec!["main".to_owned(), "web".to_owned()] };
/// assert_eq!(splunk.read_indexes().await, "main\nweb");
/// # }
/// ```
#[proc_macro_attribute]
pub fn trace_mcp_resource(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(&kind::RESOURCE, options.into(), item.into()).into()
}

/// Traces a request for an MCP prompt: a span with op `mcp.prompt`.
///
/// In a request that `TracedHandler` observes, it adds to the request's execution span by the same rules as
/// [`trace_mcp_tool`](macro@trace_mcp_tool).
#[doc = include_str!("options.md")]
///
/// # Example
///
/// ```
#[doc = include_str!("doc_stub.txt")]
/// use mcp_telemetry_macros::trace_mcp_prompt;
///
/// #[trace_mcp_prompt("triage")]
/// async fn triage(index: &str) -> String {
///     format!("What went wrong in index {index}?")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(triage("main").await, "What went wrong in index main?");
/// # }
/// ```
#[proc_macro_attribute]
pub fn trace_mcp_prompt(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(&kind::PROMPT, options.into(), item.into()).into()
}

/// Traces an operation on Splunk: a span with op `splunk.api`.
///
/// It has `splunk.duration` in milliseconds, and the operation is measured as `splunk.api.duration`, by its name, status and
/// kind of error, whether or not the span is sampled.
#[doc = include_str!("options.md")]
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

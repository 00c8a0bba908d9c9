//! What a traced call returned, for the option `ret` of the attribute macros.
//!
//! `returned!(value)` takes a reference to the value a traced function returned. It looks at the value's type, inside `Ok`, and
//! takes the first row that fits:
//!
//! | returned | text | keys |
//! |---|---|---|
//! | `Err(..)`, and a result of rmcp's that asks for input | - | - |
//! | `CallToolResult`, `CallToolResponse` | the content as JSON | of the structured content, or else of the one text if that is a JSON object |
//! | `GetPromptResponse`, `ReadResourceResponse`, rmcp's `Json<T>` | what is in it as JSON | as of what is in it |
//! | implements `Serialize` | JSON | the fields of a struct, the keys of a map |
//! | implements `Debug` | its `Debug` text | - |
//! | anything else | - | - |
//!
//! What a failure says stands in the span's status already. What `InputRequiredResult` holds is opaque state and never recorded.

use std::fmt::Debug;

use rmcp::handler::server::wrapper::Json;
use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, GetPromptResponse, InputRequiredResult,
    ReadResourceResponse,
};
use serde::Serialize;

use super::keys::{keys_of_json, keys_of_value, list};
use super::probe::Probe;
use crate::bounded::{bounded, json};

/// The longest text of a returned value, in bytes, with the mark of the cut.
pub const RETURNED_LIMIT: usize = 8 * 1024;

/// What was returned, in the words of attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// The value's text, at most [`RETURNED_LIMIT`] bytes.
    pub text: String,
    /// The keys of an object, as a JSON list.
    pub keys: Option<String>,
}

impl Returned {
    fn json(value: &impl Serialize) -> Self {
        Self {
            text: json(value, RETURNED_LIMIT),
            keys: keys_of_value(value).map(|keys| list(&keys)),
        }
    }
}

/// A result of rmcp's that is shown in a way of its own.
pub trait ShownResult {
    /// What of it may be shown.
    fn shown(&self) -> Option<Returned>;
}

impl ShownResult for CallToolResult {
    fn shown(&self) -> Option<Returned> {
        let keys = match (&self.structured_content, self.content.as_slice()) {
            (Some(structured), _) => keys_of_value(structured),
            (None, [ContentBlock::Text(only)]) => keys_of_json(&only.text),
            (None, _) => None,
        };
        Some(Returned {
            text: json(&self.content, RETURNED_LIMIT),
            keys: keys.map(|keys| list(&keys)),
        })
    }
}

impl ShownResult for CallToolResponse {
    fn shown(&self) -> Option<Returned> {
        match self {
            Self::Complete(result) => result.shown(),
            _ => None,
        }
    }
}

impl ShownResult for GetPromptResponse {
    fn shown(&self) -> Option<Returned> {
        match self {
            Self::Complete(result) => Some(Returned::json(result)),
            _ => None,
        }
    }
}

impl ShownResult for ReadResourceResponse {
    fn shown(&self) -> Option<Returned> {
        match self {
            Self::Complete(result) => Some(Returned::json(result)),
            _ => None,
        }
    }
}

impl ShownResult for InputRequiredResult {
    fn shown(&self) -> Option<Returned> {
        None
    }
}

impl<T: Serialize> ShownResult for Json<T> {
    fn shown(&self) -> Option<Returned> {
        Some(Returned::json(&self.0))
    }
}

/// Shows the results that have a way of their own.
pub trait ReturnedResult {
    /// What of it may be shown.
    fn __mcp_telemetry_returned(&self) -> Option<Returned>;
}

impl<T: ShownResult> ReturnedResult for &&&Probe<'_, T> {
    fn __mcp_telemetry_returned(&self) -> Option<Returned> {
        self.0.shown()
    }
}

/// Shows what can be JSON.
pub trait ReturnedJson {
    /// JSON and keys.
    fn __mcp_telemetry_returned(&self) -> Option<Returned>;
}

impl<T: Serialize> ReturnedJson for &&Probe<'_, T> {
    fn __mcp_telemetry_returned(&self) -> Option<Returned> {
        Some(Returned::json(self.0))
    }
}

/// Shows what has a `Debug` text.
pub trait ReturnedDebug {
    /// The text alone.
    fn __mcp_telemetry_returned(&self) -> Option<Returned>;
}

impl<T: Debug + ?Sized> ReturnedDebug for &Probe<'_, T> {
    fn __mcp_telemetry_returned(&self) -> Option<Returned> {
        Some(Returned {
            text: bounded(format_args!("{:?}", self.0), RETURNED_LIMIT),
            keys: None,
        })
    }
}

/// Stands in for the values that cannot be shown.
pub trait ReturnedOpaque {
    /// Always `None`.
    fn __mcp_telemetry_returned(&self) -> Option<Returned>;
}

impl<T: ?Sized> ReturnedOpaque for Probe<'_, T> {
    fn __mcp_telemetry_returned(&self) -> Option<Returned> {
        None
    }
}

/// Shows a returned value: `returned!(reference)` is an `Option<Returned>`.
///
/// The type of the value must be known where this stands.
#[doc(hidden)]
#[macro_export]
macro_rules! __returned {
    ($returned:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{
            PeelNothing as _, PeelResult as _, ReturnedDebug as _, ReturnedJson as _,
            ReturnedOpaque as _, ReturnedResult as _,
        };
        match (&&$crate::__private::Probe($returned)).__mcp_telemetry_peel() {
            ::core::result::Result::Err(_) => ::core::option::Option::None,
            ::core::result::Result::Ok(value) => {
                match (&&$crate::__private::Probe(value)).__mcp_telemetry_peel() {
                    ::core::result::Result::Err(_) => ::core::option::Option::None,
                    ::core::result::Result::Ok(value) => {
                        (&&&&$crate::__private::Probe(value)).__mcp_telemetry_returned()
                    }
                }
            }
        }
    }};
}

pub use crate::__returned as returned;

#[cfg(test)]
mod tests {
    use std::fmt;

    use rmcp::ErrorData;
    use rmcp::model::{GetPromptResult, ReadResourceResult, ResourceContents};
    use serde_json::json;

    use super::*;

    #[derive(Debug, serde::Serialize)]
    struct Rows {
        results: Vec<u8>,
        count: usize,
    }

    fn rows() -> Rows {
        Rows {
            results: vec![1, 2],
            count: 2,
        }
    }

    fn shown(text: &str, keys: Option<&str>) -> Option<Returned> {
        Some(Returned {
            text: text.to_owned(),
            keys: keys.map(str::to_owned),
        })
    }

    #[test]
    fn values_are_shown_by_the_best_that_their_type_can_do() {
        #[derive(Debug)]
        struct Debugged;
        struct Opaque;
        let expected = shown(
            r#"{"results":[1,2],"count":2}"#,
            Some(r#"["results","count"]"#),
        );
        assert_eq!(crate::__returned!(&rows()), expected);
        assert_eq!(crate::__returned!(&Ok::<_, Opaque>(rows())), expected);
        let deep: Result<Result<Rows, Opaque>, Opaque> = Ok(Ok(rows()));
        assert_eq!(crate::__returned!(&deep), expected);
        assert_eq!(crate::__returned!(&Json(rows())), expected);
        assert_eq!(crate::__returned!(&"a\"b"), shown(r#""a\"b""#, None));
        assert_eq!(crate::__returned!(&vec![1, 2]), shown("[1,2]", None));
        assert_eq!(
            crate::__returned!(&Some(Debugged)),
            shown("Some(Debugged)", None)
        );
        assert_eq!(crate::__returned!(&Opaque), None);
        assert_eq!(crate::__returned!(&Err::<Rows, _>("no")), None);
        let deep: Result<Result<Rows, Opaque>, Opaque> = Ok(Err(Opaque));
        assert_eq!(crate::__returned!(&deep), None);
    }

    #[test]
    fn results_of_tools_are_shown_by_their_content() {
        let text = |text: &str| vec![ContentBlock::text(text)];
        let plain = CallToolResult::success(text("three rows"));
        let content = r#"[{"type":"text","text":"three rows"}]"#;
        assert_eq!(crate::__returned!(&plain), shown(content, None));
        let keys = |result: CallToolResult| {
            let returned = crate::__returned!(&Ok::<_, ErrorData>(CallToolResponse::from(result)));
            returned.unwrap().keys
        };
        let structured = CallToolResult::structured(json!({ "results": [], "count": 0 }));
        // `serde_json` without its feature `preserve_order` sorts.
        let mut found: Vec<String> = serde_json::from_str(&keys(structured).unwrap()).unwrap();
        found.sort();
        assert_eq!(found, ["count", "results"]);
        let object = CallToolResult::success(text(r#"{"rows": [{"a": 1}], "b": {"c": 2}}"#));
        assert_eq!(keys(object).as_deref(), Some(r#"["rows","b"]"#));
        for other in ["[1]", "{", r#"{"a": 1} b"#, "7", ""] {
            assert_eq!(keys(CallToolResult::success(text(other))), None, "{other}");
        }
        let two = [text("{\"a\": 1}"), text("b")].concat();
        assert_eq!(keys(CallToolResult::success(two)), None);
    }

    #[test]
    fn opaque_state_is_never_shown() {
        let asks = || InputRequiredResult::from_request_state("half way");
        assert_eq!(crate::__returned!(&asks()), None);
        assert_eq!(crate::__returned!(&CallToolResponse::from(asks())), None);
        assert_eq!(crate::__returned!(&GetPromptResponse::from(asks())), None);
        let resource = Ok::<_, ErrorData>(ReadResourceResponse::from(asks()));
        assert_eq!(crate::__returned!(&resource), None);
    }

    #[test]
    fn prompts_and_resources_are_shown_as_json() {
        let prompt = GetPromptResult::new(vec![]);
        let response = GetPromptResponse::from(prompt.clone());
        let returned = crate::__returned!(&response);
        assert_eq!(returned, crate::__returned!(&prompt));
        assert!(returned.unwrap().text.contains(r#""messages":[]"#));
        let resource = ReadResourceResult::new(vec![ResourceContents::text("main", "splunk://a")]);
        let returned = crate::__returned!(&ReadResourceResponse::from(resource)).unwrap();
        assert!(returned.text.contains("splunk://a"), "{returned:?}");
        assert!(returned.keys.unwrap().contains("contents"));
    }

    #[test]
    fn long_values_are_cut_and_keep_their_keys() {
        let long = json!({ "a": "größe".repeat(10_000), "b": 1 });
        let returned = crate::__returned!(&long).unwrap();
        assert!(returned.text.len() <= RETURNED_LIMIT && returned.text.ends_with('…'));
        assert_eq!(returned.keys.as_deref(), Some(r#"["a","b"]"#));
    }

    #[test]
    fn a_value_that_cannot_be_written_does_not_end_the_call() {
        struct Panics;
        impl Serialize for Panics {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                panic!("in Serialize")
            }
        }
        impl fmt::Debug for Panics {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("in Debug")
            }
        }
        let returned = crate::__returned!(&Panics).unwrap();
        assert_eq!(returned.text, "<formatting panicked>");
        assert_eq!(returned.keys, None);
        // A key that is no text.
        let odd = std::collections::BTreeMap::from([(vec![1], 2)]);
        let returned = crate::__returned!(&odd).unwrap();
        assert_eq!((returned.text.as_str(), returned.keys), ("{", None));
    }

    #[test]
    fn generic_values_are_told_apart_by_their_bounds() {
        fn debugged<T: Debug>(value: &T) -> Option<Returned> {
            crate::__returned!(value)
        }
        fn serialized<T: Serialize>(value: &T) -> Option<Returned> {
            crate::__returned!(value)
        }
        fn unbound<T>(value: &T) -> Option<Returned> {
            crate::__returned!(value)
        }
        assert_eq!(debugged(&Some(1)), shown("Some(1)", None));
        assert_eq!(serialized(&Some(1)), shown("1", None));
        assert_eq!(unbound(&1), None);
    }
}

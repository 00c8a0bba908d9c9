//! What is traced: one row for each attribute.

/// One attribute of this crate. Another one is another row and another function in `lib.rs`.
pub(crate) struct Kind {
    /// The attribute, for messages.
    pub(crate) attribute: &'static str,
    /// The constructor of `CallSpan` that the expansion calls.
    pub(crate) constructor: &'static str,
}

pub(crate) const TOOL: Kind = Kind {
    attribute: "trace_mcp_tool",
    constructor: "tool",
};

pub(crate) const RESOURCE: Kind = Kind {
    attribute: "trace_mcp_resource",
    constructor: "resource",
};

pub(crate) const PROMPT: Kind = Kind {
    attribute: "trace_mcp_prompt",
    constructor: "prompt",
};

pub(crate) const SPLUNK_OPERATION: Kind = Kind {
    attribute: "trace_splunk_operation",
    constructor: "splunk",
};

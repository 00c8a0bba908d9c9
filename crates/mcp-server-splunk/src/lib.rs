//! An MCP server for Splunk, traced from end to end.

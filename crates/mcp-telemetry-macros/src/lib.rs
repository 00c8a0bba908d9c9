//! Attribute macros of mcp-telemetry.

//! OpenTelemetry-first tracing for MCP servers, to Sentry and any OTLP collector.

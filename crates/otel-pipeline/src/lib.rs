//! One OpenTelemetry span processor in front of several sinks.

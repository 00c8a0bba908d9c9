//! A rule-based, parent-aware, consistent-probability sampler for OpenTelemetry.

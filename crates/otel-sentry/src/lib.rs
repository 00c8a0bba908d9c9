//! OpenTelemetry traces in Sentry, for any Rust app.

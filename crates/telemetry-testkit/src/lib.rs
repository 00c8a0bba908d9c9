//! A loopback Sentry and OTLP endpoint with typed look-ups and faults on demand.

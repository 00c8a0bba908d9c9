//! Redaction and truncation of keys, values and free text for telemetry.

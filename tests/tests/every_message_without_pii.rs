//! Every method once more, where `SENTRY_SEND_PII` is false: what the table gates is not there,
//! everything else is.

#[path = "every_message.rs"]
mod every_message;

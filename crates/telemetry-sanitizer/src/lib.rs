#![doc = include_str!("../README.md")]
//!
//! # Where to look
//!
//! | to | use |
//! |---|---|
//! | sanitize a message, a span name, an exception | [`Sanitizer::text`] |
//! | sanitize a body of bytes | [`Sanitizer::bytes`] |
//! | sanitize an attribute | [`Sanitizer::value`] |
//! | sanitize arguments and results of tools | [`Sanitizer::json`] |
//! | show the start of a query | [`Sanitizer::preview`] |
//! | sanitize `url.full` | [`Sanitizer::url`] |
//! | ask about a key | [`Sanitizer::is_sensitive_key`] |
//! | change the rules and limits | [`Sanitizer::builder`] |
//! | test that nothing gets through | `testing`, with the feature of that name |
//!
//! Sources of the rules: the deny-list of Sentry's data-collection specification, OpenTelemetry's semantic conventions for
//! `url.full`, GitHub's secret scanning patterns, Splunk's REST API.

mod anchor;
mod assignment;
mod base64;
mod block;
mod builder;
mod bytes;
mod enclosed;
mod error;
mod escapes;
mod filter;
mod json;
mod keys;
mod known;
#[cfg(test)]
mod linear;
mod network;
mod numbers;
mod output;
mod rules;
mod sanitizer;
mod scan;
mod shapes;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tokens;
mod truncate;
mod url;
mod value;
mod words;

pub use builder::SanitizerBuilder;
pub use error::ConfigError;
pub use sanitizer::Sanitizer;

/// What stands where a secret stood.
pub const MARKER: &str = "***REDACTED***";

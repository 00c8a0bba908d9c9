//! A stand-in for Splunk's REST API, for examples and tests.

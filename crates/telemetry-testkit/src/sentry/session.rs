//! Release health: session aggregates and single sessions.

use serde_json::Value;

use crate::json::Fields;
use crate::problem::ParseError;

/// One bucket of a `sessions` item, with the attributes of the item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SessionAggregate {
    /// Release of all sessions in the bucket.
    pub release: String,
    /// Environment of all sessions in the bucket.
    pub environment: Option<String>,
    /// The minute the sessions started in, RFC 3339 text as sent.
    pub started: String,
    /// Distinct id.
    pub distinct_id: Option<String>,
    /// Sessions that ended without an error.
    pub exited: u64,
    /// Sessions with an error, not counting crashed and abnormal ones.
    pub errored: u64,
    /// Sessions that ended abnormally.
    pub abnormal: u64,
    /// Sessions that crashed.
    pub crashed: u64,
}

impl SessionAggregate {
    pub(super) fn read_all(raw: &Value) -> Result<Vec<Self>, ParseError> {
        let fields = Fields::of("sessions", raw)?;
        let (release, environment) = attributes(&fields)?;
        fields
            .objects("aggregates")?
            .iter()
            .map(|bucket| {
                let count = |field| Ok::<_, ParseError>(bucket.count(field)?.unwrap_or(0));
                Ok(Self {
                    release: release.clone(),
                    environment: environment.clone(),
                    started: started(bucket)?,
                    distinct_id: bucket.text("did")?,
                    exited: count("exited")?,
                    errored: count("errored")?,
                    abnormal: count("abnormal")?,
                    crashed: count("crashed")?,
                })
            })
            .collect()
    }
}

/// A single session's update: a `session` item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SessionUpdate {
    /// Session id as sent.
    pub session_id: String,
    /// `ok`, `exited`, `crashed` or `abnormal`.
    pub status: Option<String>,
    /// Whether this is the session's first update.
    pub init: bool,
    /// Number of errors so far.
    pub errors: u64,
    /// Start, RFC 3339 text as sent.
    pub started: String,
    /// Release.
    pub release: String,
    /// Environment.
    pub environment: Option<String>,
    /// The JSON object as it came.
    pub raw: Value,
}

impl SessionUpdate {
    pub(super) fn read(raw: Value) -> Result<Self, ParseError> {
        let fields = Fields::of("session", &raw)?;
        let (release, environment) = attributes(&fields)?;
        Ok(Self {
            session_id: fields.need_text("sid")?,
            status: fields.text("status")?,
            init: fields.flag("init")?.unwrap_or(false),
            errors: fields.count("errors")?.unwrap_or(0),
            started: started(&fields)?,
            release,
            environment,
            raw,
        })
    }
}

/// `attrs.release` and `attrs.environment`. Relay drops a session without a release.
fn attributes(fields: &Fields<'_>) -> Result<(String, Option<String>), ParseError> {
    let attrs = fields
        .object("attrs")?
        .ok_or_else(|| fields.wrong("attrs", "an object with release"))?;
    Ok((attrs.need_text("release")?, attrs.text("environment")?))
}

/// `started` must be text: Relay drops a session with a number there.
fn started(fields: &Fields<'_>) -> Result<String, ParseError> {
    fields.need_time("started")?;
    fields.need_text("started")
}

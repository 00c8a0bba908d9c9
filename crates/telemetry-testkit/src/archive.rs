//! Bodies on disk: one file for the decoded body, one `.json` for the rest of the request.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use crate::otlp::Format;
use crate::problem::ParseError;
use crate::request::Request;

/// Stores bodies in a directory.
#[derive(Debug)]
pub(crate) struct Archive {
    dir: PathBuf,
}

impl Archive {
    /// Makes the directory if need be.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// Writes `<time>-<number>-<kind>.<ext>` and `<the same>.headers.json`. Names sort by arrival.
    pub(crate) fn store(&self, request: &Request) -> Result<(), ParseError> {
        let millis = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .saturating_sub(request.arrived.elapsed())
            .as_millis();
        let (kind, extension) = kind(request);
        let name = format!("{millis:013}-{:06}-{kind}", request.id);
        self.write(&format!("{name}.{extension}"), &request.body)?;
        let mut about = format!("{:#}", about(request));
        about.push('\n');
        self.write(&format!("{name}.headers.json"), about.as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ParseError> {
        let path = self.dir.join(name);
        fs::write(&path, bytes).map_err(|error| ParseError::Store {
            path,
            reason: error.to_string(),
        })
    }
}

fn kind(request: &Request) -> (&'static str, &'static str) {
    let path = request.path.trim_end_matches('/');
    let kind = ["envelope", "traces", "logs", "metrics"]
        .into_iter()
        .find(|kind| path.rsplit('/').next() == Some(kind))
        .unwrap_or("other");
    let format = request.header(CONTENT_TYPE.as_str()).and_then(Format::of);
    let extension = match (kind, format) {
        ("envelope", _) => "envelope",
        (_, Some(Format::Protobuf)) => "pb",
        (_, Some(Format::Json)) => "json",
        (_, None) => "bin",
    };
    (kind, extension)
}

/// The head of the request. Credentials other than a DSN's public key are left out.
fn about(request: &Request) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &request.headers {
        let text = if value.is_sensitive() {
            "[Filtered]".into()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        match headers.get_mut(name.as_str()) {
            Some(Value::String(all)) => {
                all.push_str(", ");
                all.push_str(&text);
            }
            _ => {
                headers.insert(name.to_string(), Value::String(text));
            }
        }
    }
    json!({
        "id": request.id,
        "method": request.method.as_str(),
        "path": request.path,
        "query": request.query,
        "wire_bytes": request.wire_len,
        "body_bytes": request.body.len(),
        "headers": headers,
    })
}

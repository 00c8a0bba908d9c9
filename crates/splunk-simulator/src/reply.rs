//! The answers in Splunk's two shapes: JSON and Atom XML, one description each.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::args::Page;
use crate::xml::{self, escape};

/// The version of Splunk that the simulator says it is: with the v2 search endpoints, as 9.0.2 and later have them.
pub(crate) const VERSION: &str = "9.4.3";
/// The build that goes with [`VERSION`].
pub(crate) const BUILD: &str = "237ebbd22314";

const XML_HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const FEED_NAMESPACES: &str = "xmlns=\"http://www.w3.org/2005/Atom\" xmlns:s=\"http://dev.splunk.com/ns/rest\" \
     xmlns:opensearch=\"http://a9.com/-/spec/opensearch/1.1/\"";

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputMode {
    Json,
    Xml,
}

/// A message of Splunk: its severity and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// `INFO`, `WARN`, `ERROR` or `FATAL`.
    pub(crate) kind: &'static str,
    /// A machine-readable name, which few messages have.
    pub(crate) code: Option<&'static str>,
    pub(crate) text: String,
}

impl Message {
    pub(crate) fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            text: text.into(),
        }
    }

    fn json(&self) -> Value {
        match self.code {
            Some(code) => json!({"type": self.kind, "code": code, "text": self.text}),
            None => json!({"type": self.kind, "text": self.text}),
        }
    }

    fn xml(&self) -> String {
        let code = self
            .code
            .map_or(String::new(), |code| format!(" code=\"{}\"", escape(code)));
        format!(
            "<msg type=\"{}\"{code}>{}</msg>",
            self.kind,
            escape(&self.text)
        )
    }
}

/// An answer that says what went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) message: Message,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: Message) -> Self {
        Self { status, message }
    }

    pub(crate) fn fatal(status: StatusCode, text: impl Into<String>) -> Self {
        Self::new(status, Message::new("FATAL", text))
    }

    /// A search that Splunk refuses.
    pub(crate) fn bad_search(text: impl Into<String>) -> Self {
        Self::fatal(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn into_response(self, mode: OutputMode) -> Response {
        messages(mode, self.status, &[self.message])
    }
}

/// An answer that consists of messages.
pub(crate) fn messages(mode: OutputMode, status: StatusCode, messages: &[Message]) -> Response {
    match mode {
        OutputMode::Json => json_reply(
            status,
            &json!({"messages": messages.iter().map(Message::json).collect::<Vec<_>>()}),
        ),
        OutputMode::Xml => xml_reply(
            status,
            format!("<response>\n  {}\n</response>", messages_xml(messages)),
        ),
    }
}

/// An answer of one value: `{"sid": "…"}` or `<response><sid>…</sid></response>`.
pub(crate) fn value(mode: OutputMode, status: StatusCode, name: &str, text: &str) -> Response {
    match mode {
        OutputMode::Json => {
            let mut body = Map::new();
            body.insert(name.to_owned(), text.into());
            json_reply(status, &Value::Object(body))
        }
        OutputMode::Xml => xml_reply(
            status,
            format!("<response>\n  {}\n</response>", xml::element(name, text)),
        ),
    }
}

/// One object of Splunk: an index, a job, the server itself.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The name, which is the title in Atom.
    pub(crate) name: String,
    /// The absolute path of the object.
    pub(crate) path: String,
    pub(crate) owner: &'static str,
    pub(crate) app: &'static str,
    /// When it last changed, as ISO 8601.
    pub(crate) updated: String,
    pub(crate) content: Map<String, Value>,
}

impl Entry {
    fn acl(&self) -> Value {
        json!({
            "app": self.app,
            "owner": self.owner,
            "sharing": "system",
            "can_list": true,
            "can_write": true,
            "modifiable": true,
            "removable": false,
            "perms": {"read": ["*"], "write": ["admin"]},
        })
    }

    fn json(&self) -> Value {
        let mut content = self.content.clone();
        content.insert("eai:acl".to_owned(), Value::Null);
        json!({
            "name": self.name,
            "id": self.path,
            "updated": self.updated,
            "links": {"alternate": self.path, "list": self.path},
            "author": self.owner,
            "acl": self.acl(),
            "content": content,
        })
    }

    /// The `entry` element; `namespaces` are declared on it when it is the root of the document.
    fn xml(&self, namespaces: &str) -> String {
        let acl = self.acl();
        let mut out = format!(
            "<entry{namespaces}>\n<title>{title}</title>\n<id>{path}</id>\n<updated>{updated}</updated>\n\
             <link href=\"{path}\" rel=\"alternate\"/>\n<author><name>{owner}</name></author>\n\
             <link href=\"{path}\" rel=\"list\"/>\n<content type=\"text/xml\">",
            title = escape(&self.name),
            path = escape(&self.path),
            updated = escape(&self.updated),
            owner = self.owner,
        );
        let pairs = self
            .content
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .chain([("eai:acl", &acl)]);
        xml::write_dict(&mut out, pairs);
        out.push_str("</content>\n</entry>");
        out
    }
}

/// A list of objects, or a page of it.
#[derive(Debug)]
pub(crate) struct Feed<'a> {
    /// What is listed, such as `indexes`.
    pub(crate) title: &'static str,
    /// The absolute path of the list.
    pub(crate) path: &'static str,
    pub(crate) updated: String,
    pub(crate) entries: &'a [Entry],
    pub(crate) page: Page,
}

impl Feed<'_> {
    pub(crate) fn into_response(self, mode: OutputMode) -> Response {
        match mode {
            OutputMode::Json => json_reply(
                StatusCode::OK,
                &json!({
                    "links": {},
                    "origin": self.path,
                    "updated": self.updated,
                    "generator": {"build": BUILD, "version": VERSION},
                    "entry": self.entries.iter().map(Entry::json).collect::<Vec<_>>(),
                    "paging": {
                        "total": self.page.total,
                        "perPage": self.page.count,
                        "offset": self.page.start,
                    },
                    "messages": [],
                }),
            ),
            OutputMode::Xml => {
                let mut out = format!(
                    "<feed {FEED_NAMESPACES}>\n<title>{}</title>\n<id>{}</id>\n<updated>{}</updated>\n\
                     <generator build=\"{BUILD}\" version=\"{VERSION}\"/>\n<author><name>Splunk</name></author>\n\
                     <opensearch:totalResults>{}</opensearch:totalResults>\n\
                     <opensearch:itemsPerPage>{}</opensearch:itemsPerPage>\n\
                     <opensearch:startIndex>{}</opensearch:startIndex>\n<s:messages/>\n",
                    self.title,
                    self.path,
                    escape(&self.updated),
                    self.page.total,
                    self.page.count,
                    self.page.start,
                );
                for entry in self.entries {
                    out.push_str(&entry.xml(""));
                    out.push('\n');
                }
                out.push_str("</feed>");
                xml_reply(StatusCode::OK, out)
            }
        }
    }
}

/// One job: JSON wraps it in a feed, XML has the entry as the root, as splunkd does for jobs.
pub(crate) fn job(mode: OutputMode, feed: Feed<'_>) -> Response {
    match (mode, feed.entries.first()) {
        (OutputMode::Xml, Some(entry)) => {
            xml_reply(StatusCode::OK, entry.xml(&format!(" {FEED_NAMESPACES}")))
        }
        _ => feed.into_response(mode),
    }
}

/// The rows of a search.
#[derive(Debug)]
pub(crate) struct ResultsReply<'a> {
    pub(crate) fields: &'a [String],
    pub(crate) rows: &'a [Map<String, Value>],
    pub(crate) messages: &'a [Message],
    pub(crate) offset: usize,
}

impl ResultsReply<'_> {
    pub(crate) fn into_response(self, mode: OutputMode) -> Response {
        match mode {
            OutputMode::Json => json_reply(
                StatusCode::OK,
                &json!({
                    "preview": false,
                    "init_offset": self.offset,
                    "messages": self.messages.iter().map(Message::json).collect::<Vec<_>>(),
                    "fields": self.fields.iter().map(|name| json!({"name": name})).collect::<Vec<_>>(),
                    "results": self.rows,
                    "highlighted": {},
                }),
            ),
            OutputMode::Xml => xml_reply(StatusCode::OK, self.xml()),
        }
    }

    fn xml(&self) -> String {
        let mut out = String::from("<results preview='0'>\n<meta>\n<fieldOrder>\n");
        for field in self.fields {
            out.push_str(&xml::element("field", field));
            out.push('\n');
        }
        let _ = write!(
            out,
            "</fieldOrder>\n</meta>\n{}\n",
            messages_xml(self.messages)
        );
        for (position, row) in self.rows.iter().enumerate() {
            let _ = writeln!(out, "<result offset='{}'>", self.offset + position);
            for field in self.fields {
                if let Some(value) = row.get(field) {
                    let _ = writeln!(
                        out,
                        "<field k='{}'>{}</field>",
                        escape(field),
                        field_xml(field, value)
                    );
                }
            }
            out.push_str("</result>\n");
        }
        out.push_str("</results>");
        out
    }
}

/// The inside of a result's field: `_raw` has an element of its own, several values follow each other.
fn field_xml(field: &str, value: &Value) -> String {
    let text = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        format!("<value>{}</value>", xml::element("text", text))
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        Value::String(raw) if field == "_raw" => {
            format!("<v xml:space='preserve' trunc='0'>{}</v>", escape(raw))
        }
        value => text(value),
    }
}

fn messages_xml(messages: &[Message]) -> String {
    let inner: Vec<String> = messages.iter().map(Message::xml).collect();
    format!("<messages>\n    {}\n  </messages>", inner.join("\n    "))
}

pub(crate) fn json_reply(status: StatusCode, body: &Value) -> Response {
    raw(
        status,
        "application/json; charset=UTF-8",
        Body::from(body.to_string()),
    )
}

pub(crate) fn xml_reply(status: StatusCode, body: String) -> Response {
    raw(
        status,
        "text/xml; charset=UTF-8",
        Body::from(format!("{XML_HEAD}{body}\n")),
    )
}

/// An answer of this type and body, with the headers splunkd puts on every answer.
pub(crate) fn raw(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (
            header::CACHE_CONTROL,
            "no-store, no-cache, must-revalidate, max-age=0",
        ),
        (header::SERVER, "Splunkd"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"/splunk\""),
        );
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_and_raw_have_their_own_xml() {
        assert_eq!(
            field_xml("user", &json!(["a", "b<"])),
            "<value><text>a</text></value><value><text>b&lt;</text></value>"
        );
        assert_eq!(
            field_xml("_raw", &json!("a & b")),
            "<v xml:space='preserve' trunc='0'>a &amp; b</v>"
        );
    }

    #[test]
    fn a_failure_says_it_in_both_shapes() {
        let failure = Failure::bad_search("Unknown search command 'frobnicate'.");
        assert_eq!(
            failure.message.json(),
            json!({"type": "FATAL", "text": "Unknown search command 'frobnicate'."})
        );
        assert_eq!(
            failure.message.xml(),
            "<msg type=\"FATAL\">Unknown search command &apos;frobnicate&apos;.</msg>"
        );
    }
}

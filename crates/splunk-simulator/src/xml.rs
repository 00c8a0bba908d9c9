//! The little XML the answers need: escaping, and JSON values as Splunk's `s:dict` and `s:list`.

use std::fmt::Write as _;

use serde_json::Value;

/// Escapes text for an element or a quoted attribute, and leaves out characters that XML 1.0 forbids.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => escaped.push(character),
        }
    }
    escaped
}

/// `<name>text</name>` on its own.
pub(crate) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// A JSON value inside an `s:key` or `s:item`: booleans are 1 and 0, as splunkd writes them.
pub(crate) fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push(if *flag { '1' } else { '0' }),
        Value::Number(number) => {
            let _ = write!(out, "{number}");
        }
        Value::String(text) => out.push_str(&escape(text)),
        Value::Array(items) => {
            out.push_str("<s:list>");
            for item in items {
                out.push_str("<s:item>");
                write_value(out, item);
                out.push_str("</s:item>");
            }
            out.push_str("</s:list>");
        }
        Value::Object(map) => write_dict(out, map.iter().map(|(key, value)| (key.as_str(), value))),
    }
}

/// An `s:dict` of the pairs.
pub(crate) fn write_dict<'a>(
    out: &mut String,
    pairs: impl IntoIterator<Item = (&'a str, &'a Value)>,
) {
    out.push_str("<s:dict>");
    for (key, value) in pairs {
        let _ = write!(out, "<s:key name=\"{}\">", escape(key));
        write_value(out, value);
        out.push_str("</s:key>");
    }
    out.push_str("</s:dict>");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn escapes_markup_and_drops_forbidden_characters() {
        assert_eq!(
            escape("a<b>&\"c'\u{0}\u{1b}\u{ffff}\n"),
            "a&lt;b&gt;&amp;&quot;c&apos;\n"
        );
    }

    #[test]
    fn writes_nested_values_as_splunk_does() {
        let mut out = String::new();
        write_value(&mut out, &json!({"a": true, "b": [1, "x<"], "c": null}));
        assert_eq!(
            out,
            "<s:dict><s:key name=\"a\">1</s:key><s:key name=\"b\"><s:list><s:item>1</s:item>\
             <s:item>x&lt;</s:item></s:list></s:key><s:key name=\"c\"></s:key></s:dict>"
        );
    }
}

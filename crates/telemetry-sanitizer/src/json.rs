//! JSON documents: by key, by content, and within bounds.

use std::borrow::Cow;

use serde_json::{Map, Number, Value};

use crate::keys::Class;
use crate::sanitizer::Inner;
use crate::truncate::{split_note, with_note};
use crate::{MARKER, numbers};

/// What stands where containers are cut.
const ELLIPSIS: &str = "…";

/// One walk over a document.
#[derive(Debug)]
pub(crate) struct Walk<'s> {
    inner: &'s Inner,
    /// Bytes of keys and strings that may still be kept.
    left: usize,
    exhausted: bool,
    pub(crate) changed: bool,
}

impl<'s> Walk<'s> {
    pub(crate) fn new(inner: &'s Inner) -> Self {
        Self {
            inner,
            left: inner.limits.document,
            exhausted: false,
            changed: false,
        }
    }

    /// Sanitizes `value`, which lies under `depth` containers.
    pub(crate) fn value(&mut self, value: &mut Value, depth: usize) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                if is_card(number) {
                    self.set(value, MARKER.to_owned());
                }
            }
            Value::String(text) => self.string(text, depth),
            Value::Array(_) | Value::Object(_)
                if depth >= self.inner.limits.depth || self.exhausted =>
            {
                self.set(value, ELLIPSIS.to_owned());
            }
            Value::Array(items) => self.array(items, depth),
            Value::Object(members) => self.object(members, depth),
        }
    }

    fn string(&mut self, text: &mut String, depth: usize) {
        if is_note(text) {
            return;
        }
        if let Cow::Owned(new) = self.inner.text_or_json(text, depth) {
            *text = new;
            self.changed = true;
        }
        if !is_note(text) && !self.pay(text.len()) {
            *text = with_note("", text.chars().count());
            self.changed = true;
        }
    }

    fn array(&mut self, items: &mut Vec<Value>, depth: usize) {
        let max = self.inner.limits.items;
        if items.len() > max {
            let note = format!("{ELLIPSIS}({} items)", items.len());
            items.drain(max.saturating_sub(1)..).for_each(dismantle);
            items.push(Value::String(note));
            self.changed = true;
        }
        for item in items {
            self.value(item, depth + 1);
        }
    }

    fn object(&mut self, members: &mut Map<String, Value>, depth: usize) {
        let max = self.inner.limits.items;
        if members.len() > max {
            let note = format!("({} items)", members.len());
            let mut all = std::mem::take(members).into_iter();
            members.extend(all.by_ref().take(max.saturating_sub(1)));
            all.for_each(|(_, value)| dismantle(value));
            members.insert(ELLIPSIS.to_owned(), Value::String(note));
            self.changed = true;
        }
        if members
            .keys()
            .any(|key| matches!(self.inner.text(key), Cow::Owned(_)))
        {
            let renamed = std::mem::take(members)
                .into_iter()
                .map(|(key, value)| (self.inner.text(&key).into_owned(), value));
            members.extend(renamed);
            self.changed = true;
        }
        // `{"name": "password", "value": "x"}`
        let named = ["name", "key"]
            .iter()
            .filter_map(|k| members.get(*k)?.as_str())
            .any(|name| self.inner.class(name) != Class::Clean);
        for (key, value) in members {
            if !self.pay(key.len()) {
                self.set(value, ELLIPSIS.to_owned());
            } else if (named && key == "value") || self.inner.class(key) != Class::Clean {
                self.secret(value);
            } else {
                self.value(value, depth + 1);
            }
        }
    }

    /// The value of a sensitive key, whatever it is. Nothing, truth values and empty strings hold no secret.
    fn secret(&mut self, value: &mut Value) {
        let empty = match value {
            Value::Null | Value::Bool(_) => true,
            Value::String(text) => is_note(text),
            _ => false,
        };
        if !empty {
            self.set(value, MARKER.to_owned());
        }
    }

    fn set(&mut self, value: &mut Value, text: String) {
        if value.as_str() != Some(text.as_str()) {
            dismantle(std::mem::replace(value, Value::String(text)));
            self.changed = true;
        }
    }

    fn pay(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) if !self.exhausted => self.left = left,
            _ => self.exhausted = true,
        }
        !self.exhausted
    }
}

/// Drops a value without recursion: one that was built by code may be deeper than a stack.
fn dismantle(value: Value) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}

/// Whether the text is empty or what stands where something has been taken out. It costs nothing.
fn is_note(text: &str) -> bool {
    text.is_empty()
        || text == MARKER
        || text == ELLIPSIS
        || matches!(split_note(text), ("", Some(_)))
}

fn is_card(number: &Number) -> bool {
    number.as_u64().is_some_and(|n| {
        let digits = n.to_string();
        numbers::card(digits.as_bytes(), 0).is_some()
    })
}

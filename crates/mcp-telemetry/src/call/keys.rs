//! The top-level keys of what would be a JSON object, without making the JSON.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::{
    self, Impossible, Serialize, SerializeMap, SerializeStruct, SerializeStructVariant,
    SerializeTupleVariant, Serializer,
};

/// The most bytes of all keys of one object that are listed.
const KEYS_LIMIT: usize = 1024;

/// Stands at the end of a list that is not whole.
const MORE: &str = "…";

/// The keys as a JSON list, in their order. A list that would be long ends in `"…"`.
pub(crate) fn list(keys: &[String]) -> String {
    serde_json::to_string(keys).unwrap_or_default()
}

/// The fields of a struct or the keys of a map; `None` for what is neither. The values are not looked at.
pub(crate) fn keys_of_value(value: &impl Serialize) -> Option<Vec<String>> {
    let keys = catch_unwind(AssertUnwindSafe(|| value.serialize(KeysOf)));
    keys.ok()?.ok()
}

/// The keys of a text that is one JSON object; `None` for any other text.
pub(crate) fn keys_of_json(text: &str) -> Option<Vec<String>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let keys = json.deserialize_map(KeysOf).ok()?;
    json.end().ok()?;
    Some(keys)
}

/// Keys that are being gathered.
#[derive(Default)]
struct Keys {
    keys: Vec<String>,
    bytes: usize,
}

impl Keys {
    fn push(&mut self, key: &str) {
        if self.bytes > KEYS_LIMIT {
            return;
        }
        self.bytes += key.len();
        let fits = self.bytes <= KEYS_LIMIT;
        self.keys.push(if fits { key } else { MORE }.to_owned());
    }
}

/// Reads the keys of whatever is written to it, or read by it.
struct KeysOf;

/// What is no object, or has keys that are no texts.
#[derive(Debug)]
struct NoObject;

impl fmt::Display for NoObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no object")
    }
}

impl std::error::Error for NoObject {}

impl ser::Error for NoObject {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Visitor<'de> for KeysOf {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let mut keys = Keys::default();
        while let Some((key, IgnoredAny)) = map.next_entry::<std::borrow::Cow<'_, str>, _>()? {
            keys.push(&key);
        }
        Ok(keys.keys)
    }
}

macro_rules! no_object {
    ($($method:ident($($arg:ty),*);)*) => {
        $(fn $method(self, $(_: $arg),*) -> Result<Vec<String>, NoObject> {
            Err(NoObject)
        })*
    };
}

type No = Impossible<Vec<String>, NoObject>;

impl Serializer for KeysOf {
    type Ok = Vec<String>;
    type Error = NoObject;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = Variant;
    type SerializeMap = Keys;
    type SerializeStruct = Keys;
    type SerializeStructVariant = Variant;

    no_object! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, NoObject> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Self::Ok, NoObject> {
        value.serialize(self)
    }

    /// `{"Variant": ..}` in JSON.
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<Self::Ok, NoObject> {
        Ok(vec![variant.to_owned()])
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<No, NoObject> {
        Err(NoObject)
    }

    fn serialize_tuple(self, _: usize) -> Result<No, NoObject> {
        Err(NoObject)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<No, NoObject> {
        Err(NoObject)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Variant, NoObject> {
        Ok(Variant(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Keys, NoObject> {
        Ok(Keys::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Keys, NoObject> {
        Ok(Keys::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Variant, NoObject> {
        Ok(Variant(variant))
    }
}

/// A variant with content: `{"Variant": ..}` in JSON.
struct Variant(&'static str);

impl SerializeTupleVariant for Variant {
    type Ok = Vec<String>;
    type Error = NoObject;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), NoObject> {
        Ok(())
    }

    fn end(self) -> Result<Vec<String>, NoObject> {
        Ok(vec![self.0.to_owned()])
    }
}

impl SerializeStructVariant for Variant {
    type Ok = Vec<String>;
    type Error = NoObject;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        _: &'static str,
        _: &T,
    ) -> Result<(), NoObject> {
        Ok(())
    }

    fn end(self) -> Result<Vec<String>, NoObject> {
        Ok(vec![self.0.to_owned()])
    }
}

impl SerializeStruct for Keys {
    type Ok = Vec<String>;
    type Error = NoObject;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        _: &T,
    ) -> Result<(), NoObject> {
        self.push(key);
        Ok(())
    }

    fn end(self) -> Result<Vec<String>, NoObject> {
        Ok(self.keys)
    }
}

impl SerializeMap for Keys {
    type Ok = Vec<String>;
    type Error = NoObject;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NoObject> {
        match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => self.push(&key),
            // JSON writes these in quotes.
            Ok(key @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => {
                self.push(&key.to_string());
            }
            _ => return Err(NoObject),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), NoObject> {
        Ok(())
    }

    fn end(self) -> Result<Vec<String>, NoObject> {
        Ok(self.keys)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use serde_json::json;

    use super::*;

    fn keys(value: impl Serialize) -> Option<String> {
        keys_of_value(&value).map(|keys| list(&keys))
    }

    #[test]
    fn objects_have_keys_and_nothing_else_has() {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            row_count: u8,
            #[serde(skip_serializing_if = "Option::is_none")]
            next: Option<u8>,
            #[serde(flatten)]
            more: BTreeMap<&'static str, u8>,
        }
        #[derive(serde::Serialize)]
        enum Answer {
            Rows(u8),
            Count { of: u8 },
            Pair(u8, u8),
            Nothing,
        }
        let found = Found {
            row_count: 1,
            next: None,
            more: BTreeMap::from([("extra", 1)]),
        };
        assert_eq!(keys(&found).as_deref(), Some(r#"["rowCount","extra"]"#));
        assert_eq!(keys(Some(Box::new(&found))), keys(&found));
        assert_eq!(keys(HashMap::from([(7, "a")])).as_deref(), Some(r#"["7"]"#));
        assert_eq!(keys(json!({})).as_deref(), Some("[]"));
        assert_eq!(keys(Answer::Rows(1)).as_deref(), Some(r#"["Rows"]"#));
        let pairs = (Answer::Count { of: 1 }, Answer::Pair(1, 2));
        assert_eq!(keys(pairs.0).as_deref(), Some(r#"["Count"]"#));
        assert_eq!(keys(pairs.1).as_deref(), Some(r#"["Pair"]"#));
        for value in [
            json!(null),
            json!(1),
            json!("a"),
            json!([{"a": 1}]),
            json!(true),
        ] {
            assert_eq!(keys(&value), None, "{value}");
        }
        assert_eq!(keys(Answer::Nothing), None);
        assert_eq!(keys(None::<Found>), None);
        assert_eq!(keys((1, 2.5, 'c', ())), None);
    }

    #[test]
    fn values_are_not_looked_at() {
        struct Panics;
        impl Serialize for Panics {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                panic!("looked at")
            }
        }
        assert_eq!(
            keys(BTreeMap::from([("a", Panics), ("b", Panics)])).as_deref(),
            Some(r#"["a","b"]"#)
        );
        assert_eq!(keys(Panics), None);
    }

    #[test]
    fn a_long_list_is_cut_between_keys_and_stays_json() {
        let many: BTreeMap<String, u8> = (0..10_000).map(|n| (format!("key{n:05}"), 0)).collect();
        let cut = keys_of_value(&many).unwrap();
        assert_eq!(cut.len(), KEYS_LIMIT / 8 + 1);
        assert_eq!(cut.last().map(String::as_str), Some(MORE));
        let text = serde_json::to_string(&many).unwrap();
        assert_eq!(keys_of_json(&text), Some(cut));
        let one = BTreeMap::from([("k".repeat(KEYS_LIMIT + 1), 0)]);
        assert_eq!(keys(one).as_deref(), Some(r#"["…"]"#));
    }

    #[test]
    fn text_that_is_one_json_object_has_its_keys() {
        let found = keys_of_json(" {\"a\": {\"x\": 1}, \"q\\\"\": [2]}\n");
        assert_eq!(found, Some(vec!["a".to_owned(), "q\"".to_owned()]));
        for text in ["", "{", "[]", "{\"a\": 1}}", "{\"a\": }", "null"] {
            assert_eq!(keys_of_json(text), None, "{text}");
        }
        let deep = "{\"a\":".repeat(100_000);
        assert_eq!(keys_of_json(&deep), None);
    }
}

//! JSON that comes from anywhere, and objects that are edited without loss.
//!
//! A document is kept as its text beside what was read from it. An edit makes
//! new text through an [`Object`], whose other members stay as they were
//! written: their order, their numbers, their spacing.

use super::error::{Error, Result};
use indexmap::IndexMap;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// The largest document that is read into memory, in bytes.
pub(crate) const DOCUMENT_LIMIT: u64 = 64 << 20;

const DEPTH_LIMIT: usize = 100;

/// Reads a JSON document; `name` says in errors which one it is.
pub(crate) fn parse<T: DeserializeOwned>(name: &str, json: &[u8]) -> Result<T> {
    serde_json::from_str(text(name, json)?).map_err(|error| Error::format(name, error))
}

/// Checks that a document is text of bearable length and depth.
pub(crate) fn text<'a>(name: &str, json: &'a [u8]) -> Result<&'a str> {
    if json.len() as u64 > DOCUMENT_LIMIT {
        return Err(Error::Limit { what: name.to_owned(), limit: DOCUMENT_LIMIT });
    }
    let text = std::str::from_utf8(json).map_err(|error| Error::format(name, error))?;
    if depth(json) > DEPTH_LIMIT {
        let problem = format!("expected at most {DEPTH_LIMIT} levels of nesting, found more");
        return Err(Error::format(name, problem));
    }
    Ok(text)
}

/// How deep the brackets nest. Needed beside the parser's own limit, which does
/// not count inside of members that are skipped.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Writes compact JSON.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

/// A JSON object whose members keep their order and their exact text.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Object(IndexMap<String, Box<RawValue>>);

impl Object {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a member, if it is there and not null.
    pub(crate) fn get<T: DeserializeOwned>(&self, name: &str, member: &str) -> Result<Option<T>> {
        let Some(value) = self.0.get(member) else { return Ok(None) };
        serde_json::from_str(value.get())
            .map_err(|error| Error::format(format!("{name}: {member}"), error))
    }

    /// Sets a member: in its place if it is there, else at the end.
    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, member: &str, value: &T) -> Result<()> {
        let value = serde_json::value::to_raw_value(value)
            .map_err(|error| Error::Internal(error.to_string()))?;
        self.0.insert(member.to_owned(), value);
        Ok(())
    }

    /// Takes a member away; the others keep their order.
    pub(crate) fn remove(&mut self, member: &str) {
        self.0.shift_remove(member);
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Object, A::Error> {
                let mut object = Object::default();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if object.0.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    object.0.insert(name, value);
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_order_and_text() {
        let json = br#"{"z": 1.50, "a":{ "b" : [ ] },"n":null,"big":12345678901234567890123}"#;
        let mut object: Object = parse("test", json).unwrap();
        object.set("a", &"new").unwrap();
        object.remove("n");
        object.set("last", &1).unwrap();
        assert_eq!(
            write(&object).unwrap(),
            r#"{"z":1.50,"a":"new","big":12345678901234567890123,"last":1}"#
        );
    }

    #[test]
    fn hostile_documents() {
        assert!(parse::<Object>("test", br#"{"a":1,"a":2}"#).is_err());
        assert!(parse::<Object>("test", b"{\"a\":\"\xff\"}").is_err());
        assert!(parse::<Object>("test", br#"{"a":1} x"#).is_err());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let error = parse::<Object>("test", deep.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("nesting"), "{error}");
        let brackets_in_text = format!("{{\"a\":\"{}\\\"[\"}}", "[".repeat(1000));
        assert!(parse::<Object>("test", brackets_in_text.as_bytes()).is_ok());
    }
}

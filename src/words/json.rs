//! JSON that comes from anywhere, and objects that are edited without loss.
//!
//! A document is kept as its text beside what was read from it. An edit makes
//! new text through an [`Object`], whose other members stay as they were
//! written: their order, their numbers, their spacing.

use super::error::{Error, Result};
use super::memory::{self, Asked, Asking, Growing, through_parser};
use indexmap::IndexMap;
use serde::de::{MapAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// The largest document that is read into memory, in bytes.
pub(crate) const DOCUMENT_LIMIT: u64 = 64 << 20;

const DEPTH_LIMIT: usize = 100;

/// Reads a JSON document; `name` says in errors which one it is.
pub(crate) fn parse<'a, T: Asking<'a>>(name: &str, json: &'a [u8]) -> Result<T> {
    object(text(name, json)?).map_err(|error| Error::json(name, &error))
}

/// Reads a value from the text of an object. The parser alone would also take an
/// array of the members in their order.
pub(crate) fn object<'a, T: Asking<'a>>(text: &'a str) -> serde_json::Result<T> {
    if !text.trim_start().starts_with('{') {
        return Err(serde::de::Error::custom("expected an object, found something else"));
    }
    value(text)
}

/// Reads any value.
pub(crate) fn value<'a, T: Asking<'a>>(text: &'a str) -> serde_json::Result<T> {
    serde_json::from_str::<Asked<T>>(text).map(|Asked(value)| value)
}

/// Whether two values say the same, whatever their order and spacing. Numbers
/// are the same only if they are written alike.
pub(crate) fn says_the_same(one: &str, other: &str) -> Result<bool> {
    if one == other {
        return Ok(true);
    }
    if let (Some(one), Some(other)) = (perhaps::<Object>(one)?, perhaps::<Object>(other)?) {
        if one.0.len() != other.0.len() {
            return Ok(false);
        }
        for (name, value) in &one.0 {
            match other.0.get(name) {
                Some(other) if says_the_same(value.get(), other.get())? => {}
                _ => return Ok(false),
            }
        }
        return Ok(true);
    }
    let array = perhaps::<Vec<&RawValue>>;
    if let (Some(one), Some(other)) = (array(one)?, array(other)?) {
        if one.len() != other.len() {
            return Ok(false);
        }
        for (one, other) in one.iter().zip(&other) {
            if !says_the_same(one.get(), other.get())? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    let (one, other) = (perhaps::<String>(one)?, perhaps::<String>(other)?);
    Ok(one.is_some() && one == other)
}

/// Reads a value, if it is of this type.
pub(crate) fn perhaps<'a, T: Asking<'a>>(text: &'a str) -> Result<Option<T>> {
    match value(text) {
        Ok(value) => Ok(Some(value)),
        Err(error) if memory::was_refused_to(&error) => Err(Error::Memory),
        Err(_) => Ok(None),
    }
}

/// Checks that a document is text of bearable length and depth.
pub(crate) fn text<'a>(name: &str, json: &'a [u8]) -> Result<&'a str> {
    check_length(name, json.len())?;
    let text = std::str::from_utf8(json).map_err(|error| Error::format(name, error))?;
    check_depth(name, text, 0)?;
    Ok(text)
}

/// Checks that a document is of bearable length.
pub(crate) fn check_length(name: &str, length: usize) -> Result<()> {
    if length as u64 > DOCUMENT_LIMIT {
        return Err(Error::Limit { what: name.to_owned(), limit: DOCUMENT_LIMIT });
    }
    Ok(())
}

/// Checks that a document is of bearable depth, where this part of it stands so
/// deep in it.
pub(crate) fn check_depth(name: &str, part: &str, above: usize) -> Result<()> {
    if above + depth(part.as_bytes()) > DEPTH_LIMIT {
        let problem = format!("expected at most {DEPTH_LIMIT} levels of nesting, found more");
        return Err(Error::format(name, problem));
    }
    Ok(())
}

/// How deep the brackets nest. Needed beside the parser's own limit, which does
/// not count inside of members that are skipped.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => pass_string(&mut bytes),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Goes behind the end of the string that has begun.
fn pass_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

/// Writes compact JSON.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    let mut json = Growing::default();
    match serde_json::to_writer(&mut json, value) {
        Ok(()) => String::from_utf8(json.0).map_err(|error| Error::Internal(error.to_string())),
        Err(error) if memory::was_refused_to(&error) => Err(Error::Memory),
        Err(error) => Err(Error::Internal(error.to_string())),
    }
}

/// The exact text of a value.
#[derive(Clone, Debug)]
pub(crate) struct Raw(String);

impl Raw {
    /// The text that says this.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        write(value).map(Self)
    }

    pub(crate) fn get(&self) -> &str {
        &self.0
    }

    fn copy(&self) -> Result<Self> {
        memory::owned(&self.0).map(Self)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?;
        memory::owned(text.get()).map(Self).map_err(through_parser)
    }
}

impl Asking<'_> for Raw {}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Asking<'de> for &'a RawValue {}

/// A JSON object whose members keep their order and their exact text.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Object(IndexMap<String, Raw>);

impl Object {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a member, if it is there and not null.
    pub(crate) fn get<'a, T: Asking<'a>>(&'a self, name: &str, member: &str) -> Result<Option<T>> {
        let Some(text) = self.0.get(member) else { return Ok(None) };
        value(text.get()).map_err(|error| Error::json(format!("{name}: {member}"), &error))
    }

    /// Sets a member: in its place if it is there, else at the end.
    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, member: &str, value: &T) -> Result<()> {
        memory::set(&mut self.0, memory::owned(member)?, Raw::of(value)?).map(drop)
    }

    /// Takes a member away; the others keep their order.
    pub(crate) fn remove(&mut self, member: &str) {
        self.0.shift_remove(member);
    }

    /// Sets a member, or takes it away where there is no value for it.
    pub(crate) fn set_or_remove<T: Serialize + ?Sized>(
        &mut self,
        member: &str,
        value: Option<&T>,
    ) -> Result<()> {
        match value {
            Some(value) => self.set(member, value),
            None => {
                self.remove(member);
                Ok(())
            }
        }
    }

    /// Another one of the same members.
    pub(crate) fn copy(&self) -> Result<Self> {
        let mut copy = IndexMap::new();
        copy.try_reserve(self.0.len()).map_err(|_| Error::Memory)?;
        for (name, value) in &self.0 {
            copy.insert(memory::owned(name)?, value.copy()?);
        }
        Ok(Self(copy))
    }
}

impl Asking<'_> for Object {}

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
                while let Some((Asked(name), value)) = map.next_entry::<Asked<String>, Raw>()? {
                    if object.0.contains_key(&name) {
                        return Err(serde::de::Error::custom(format_args!(
                            "duplicate field `{name}`"
                        )));
                    }
                    memory::set(&mut object.0, name, value).map_err(through_parser)?;
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
    fn the_same_is_said_in_other_ways() {
        for (one, other, same) in [
            (r#"{"a":1,"b":[1,{"c":"x"}]}"#, r#"{ "b":[ 1, {"c":"\u0078"} ], "a":1 }"#, true),
            (r#"{"a":1}"#, r#"{"a":2}"#, false),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#, false),
            (r#"{"a":1e999}"#, r#"{"a":2e999}"#, false),
            ("[1,2]", "[2,1]", false),
            ("36893488147419103233", "36893488147419103232", false),
            (r#""\ud800""#, r#""\ud801""#, false),
            ("null", "0", false),
        ] {
            assert_eq!(says_the_same(one, other).unwrap(), same, "{one} and {other}");
        }
    }

    #[test]
    fn hostile_documents() {
        assert!(parse::<Object>("test", b"[1]").is_err());
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

//! Memory whose size input decides: it is asked for, and refused as an error.
//!
//! What a program grows otherwise ends the process when there is no more.

use super::error::{Error, Result};
use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::{HashMap, HashSet, TryReserveError};
use std::fmt;
use std::hash::Hash;
use std::io;
use std::marker::PhantomData;

impl From<TryReserveError> for Error {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}

/// Room for so many bytes.
pub(crate) fn room(size: usize) -> Result<Vec<u8>> {
    let mut room = Vec::new();
    room.try_reserve_exact(size)?;
    Ok(room)
}

/// So many bytes, all of them zero.
pub(crate) fn bytes(size: usize) -> Result<Vec<u8>> {
    let mut bytes = room(size)?;
    bytes.resize(size, 0);
    Ok(bytes)
}

/// Lengthens a buffer to so many bytes at least, by zeros.
pub(crate) fn extend(buffer: &mut Vec<u8>, size: usize) -> Result<()> {
    if size > buffer.len() {
        buffer.try_reserve_exact(size - buffer.len())?;
        buffer.resize(size, 0);
    }
    Ok(())
}

/// A text of our own.
pub(crate) fn owned(text: &str) -> Result<String> {
    let mut owned = String::new();
    owned.try_reserve_exact(text.len())?;
    owned.push_str(text);
    Ok(owned)
}

/// Adds to the end of a text.
pub(crate) fn append(text: &mut String, more: &str) -> Result<()> {
    text.try_reserve(more.len())?;
    text.push_str(more);
    Ok(())
}

/// The text of a value.
pub(crate) fn written(value: &impl fmt::Display) -> Result<String> {
    struct Text(String);

    impl fmt::Write for Text {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            append(&mut self.0, more).map_err(|_| fmt::Error)
        }
    }

    let mut text = Text(String::new());
    match fmt::write(&mut text, format_args!("{value}")) {
        Ok(()) => Ok(text.0),
        Err(fmt::Error) => Err(Error::Memory),
    }
}

/// Adds to the end of a list.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) -> Result<()> {
    list.try_reserve(1)?;
    list.push(item);
    Ok(())
}

/// Adds all of these to the end of a list.
pub(crate) fn push_all<T: Copy>(list: &mut Vec<T>, items: &[T]) -> Result<()> {
    list.try_reserve(items.len())?;
    list.extend_from_slice(items);
    Ok(())
}

/// Adds to a set; says whether it is new there.
pub(crate) fn insert<T: Eq + Hash>(set: &mut HashSet<T>, item: T) -> Result<bool> {
    set.try_reserve(1)?;
    Ok(set.insert(item))
}

/// Adds to a map.
pub(crate) fn note<K: Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) -> Result<()> {
    map.try_reserve(1)?;
    map.insert(key, value);
    Ok(())
}

/// Sets a member of a map; says what it was.
pub(crate) fn set<K: Eq + Hash, V>(
    map: &mut IndexMap<K, V>,
    name: K,
    value: V,
) -> Result<Option<V>> {
    map.try_reserve(1).map_err(|_| Error::Memory)?;
    Ok(map.insert(name, value))
}

/// A list of all of these.
pub(crate) fn list<T>(items: impl IntoIterator<Item = T>) -> Result<Vec<T>> {
    try_list(items.into_iter().map(Ok))
}

/// A list of all of these, unless one is an error.
pub(crate) fn try_list<T>(items: impl IntoIterator<Item = Result<T>>) -> Result<Vec<T>> {
    let items = items.into_iter();
    let mut list = Vec::new();
    list.try_reserve_exact(items.size_hint().0)?;
    for item in items {
        push(&mut list, item?)?;
    }
    Ok(list)
}

/// What was made of a text, or nothing if the text is not of its form. That there was
/// no memory for it says nothing of the text.
pub(crate) fn unless_refused<T>(made: Result<T>) -> Result<Option<T>> {
    match made {
        Ok(made) => Ok(Some(made)),
        Err(Error::Memory) => Err(Error::Memory),
        Err(_) => Ok(None),
    }
}

/// Whether this says that memory was refused to us, as reading into a vector does,
/// and not to the kernel.
pub(crate) fn was_refused(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory && error.raw_os_error().is_none()
}

/// How an error begins that goes through a parser, which has no kind for it. No
/// other message of one begins so.
const REFUSED: &str = "too little memory";

/// Whether memory was refused to what a parser fills, or a writer.
pub(crate) fn was_refused_to(error: &serde_json::Error) -> bool {
    error.io_error_kind() == Some(io::ErrorKind::OutOfMemory)
        || (error.is_data() && error.to_string().starts_with(REFUSED))
}

/// The error of a parser for one of ours.
pub(crate) fn through_parser<E: serde::de::Error>(error: Error) -> E {
    match error {
        Error::Memory => E::custom(REFUSED),
        error => E::custom(error),
    }
}

/// A writer to memory.
#[derive(Default)]
pub(crate) struct Growing(pub(crate) Vec<u8>);

impl io::Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_reserve(bytes.len())?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a parser reads into memory that it asks for. Types whose `Deserialize`
/// does so already need nothing more; texts and lists have one that does not.
pub(crate) trait Asking<'de>: Deserialize<'de> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// The same as a function, for the fields of a type.
pub(crate) fn asking<'de, D: Deserializer<'de>, T: Asking<'de>>(
    deserializer: D,
) -> std::result::Result<T, D::Error> {
    T::read(deserializer)
}

/// What stands in a list or a map and asks.
pub(crate) struct Asked<T>(pub(crate) T);

impl<'de, T: Asking<'de>> Deserialize<'de> for Asked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }
}

impl<'de, K: Asking<'de> + Eq + Hash, V: Asking<'de>> Asking<'de> for IndexMap<K, V> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Map<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Asking<'de> + Eq + Hash, V: Asking<'de>> Visitor<'de> for Map<K, V> {
            type Value = IndexMap<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut members: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut map = IndexMap::new();
                while let Some((Asked(name), Asked(value))) = members.next_entry()? {
                    set(&mut map, name, value).map_err(through_parser)?;
                }
                Ok(map)
            }
        }

        deserializer.deserialize_map(Map(PhantomData))
    }
}

impl<'de, T: Asking<'de>> Asking<'de> for Option<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let read: Option<Asked<T>> = Deserialize::deserialize(deserializer)?;
        Ok(read.map(|asked| asked.0))
    }
}

impl<'de> Asking<'de> for String {
    fn read<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<String, E> {
                owned(text).map_err(through_parser)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl<'de, T: Asking<'de>> Asking<'de> for Vec<T> {
    fn read<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);

        impl<'de, T: Asking<'de>> Visitor<'de> for List<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> std::result::Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(Asked(item)) = items.next_element()? {
                    push(&mut list, item).map_err(through_parser)?;
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Never {
        #[serde(deserialize_with = "refused")]
        _member: (),
    }

    fn refused<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<(), D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        Err(through_parser(Error::Memory))
    }

    #[test]
    fn a_refusal_comes_through_a_parser_and_no_document_can_say_it() {
        let error = serde_json::from_str::<Never>(r#"{"_member":1}"#).unwrap_err();
        assert!(was_refused_to(&error), "{error}");
        for json in
            [r#""too little memory""#, r#"{"too little memory":1}"#, r#"["too little memory"#]
        {
            let error = serde_json::from_str::<Asked<Vec<String>>>(json).err().unwrap();
            assert!(!was_refused_to(&error), "{error}");
        }
    }

    #[test]
    fn too_much_is_an_error() {
        assert!(matches!(bytes(usize::MAX), Err(Error::Memory)));
        // With 32 bits there may be room for one of these.
        let _perhaps = room(isize::MAX as usize);
        assert!(matches!(room(isize::MAX as usize), Err(Error::Memory)));
    }
}

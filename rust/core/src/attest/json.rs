//! JSON that means one thing: names that occur twice in an object are refused.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a document, or says why not.
pub(super) fn parse(json: &[u8]) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let Strict(value) = Strict::deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// Reads a value of a larger document, for `deserialize_with`.
pub(super) fn strict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Strict::deserialize(deserializer).map(|Strict(value)| value)
}

/// The same of an object.
pub(super) fn object<'de, D>(deserializer: D) -> Result<Map<String, Value>, D::Error>
where
    D: Deserializer<'de>,
{
    match strict(deserializer)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(de::Error::custom("an object was expected")),
    }
}

/// The one way to write a value: compact, names in order.
pub(super) fn canonical(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a value is always JSON")
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Strict)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let Strict(value) = entries.next_value()?;
            if map.insert(name, value).is_some() {
                // Not quoted: names may hold anything.
                return Err(de::Error::custom("a name occurs twice in one object"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_document_one_meaning() {
        let value = parse(br#" {"b": [1, -2, 1e-42, "x", null, true], "a": {}} "#).unwrap();
        assert_eq!(canonical(&value), br#"{"a":{},"b":[1,-2,1e-42,"x",null,true]}"#);
        for twice in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            assert!(parse(twice.as_bytes()).unwrap_err().contains("twice"));
        }
        for broken in ["", "{", "[1] 2", "nan", "\u{feff}{}", &"[".repeat(1000)] {
            assert!(parse(broken.as_bytes()).is_err());
        }
    }
}

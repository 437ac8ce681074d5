//! JSON that Postgres takes, and gives back as it was.

use serde_json::{Map, Number, Value};

use crate::text;

/// How deep stored JSON may be nested. `serde_json` refuses to read more than 128 levels, and what is stored is
/// usually wrapped in a few more.
pub const MAX_DEPTH: usize = 100;

/// JSON that survives Postgres: no NUL in strings and keys, nothing deeper than [`MAX_DEPTH`] (what is deeper
/// becomes `null`), and numbers in the form in which `jsonb` returns them, so that an unchanged value compares equal.
pub fn storable(value: Value) -> Value {
    within(value, MAX_DEPTH)
}

/// The number as an integer, where it is a whole one: `12.0` means 12. `None` for fractions and what no integer holds.
pub(crate) fn whole(number: &Number) -> Option<Number> {
    if !number.is_f64() {
        return Some(number.clone());
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    let digits = format!("{float:.0}");
    let unsigned = digits.parse::<u64>().map(Number::from);
    unsigned.or_else(|_| digits.parse::<i64>().map(Number::from)).ok()
}

fn within(value: Value, levels: usize) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::String(text) => Value::String(text::storable(&text)),
        Value::Number(number) => Value::Number(settled(number)),
        Value::Array(_) | Value::Object(_) if levels == 0 => Value::Null,
        Value::Array(items) => items.into_iter().map(|item| within(item, levels - 1)).collect(),
        Value::Object(fields) => Value::Object(storable_fields(fields, levels - 1)),
    }
}

fn storable_fields(fields: Map<String, Value>, levels: usize) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (text::storable(&key), within(value, levels))).collect()
}

/// `jsonb` writes `1e17` back as `100000000000000000`, which is read as an integer: make it one at once.
fn settled(number: Number) -> Number {
    let Some(float) = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0) else {
        return number;
    };
    if float.abs() < 1e16 {
        return number; // serde_json writes no exponent here, and the `.0` stays
    }
    whole(&number).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_is_replaced_in_strings_and_keys() {
        assert_eq!(
            storable(json!({"a\0": ["x\0y", 1, null]})),
            json!({"a\u{fffd}": ["x\u{fffd}y", 1, null]})
        );
    }

    #[test]
    fn what_is_too_deep_becomes_null_and_the_rest_stays_readable() {
        let deep = (0..1_000).fold(json!("bottom"), |inner, _| json!([inner]));
        let text = storable(deep).to_string();
        assert!(text.contains("null"));
        assert!(serde_json::from_str::<Value>(&text).is_ok());
    }

    #[test]
    fn numbers_take_the_form_in_which_postgres_returns_them() {
        assert_eq!(storable(json!(1e17)).to_string(), "100000000000000000");
        assert_eq!(storable(json!(-1e17)).to_string(), "-100000000000000000");
        assert_eq!(storable(json!(5.0)).to_string(), "5.0");
        assert_eq!(storable(json!(1e300)), json!(1e300));
    }
}

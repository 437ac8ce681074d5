//! Reading one field of a JSON object and taking no offence: what is missing, null, empty or of another type is `None`.

use serde_json::Value;

use crate::moment;
use crate::told::Told;

/// The value under a dotted path of object keys.
pub(crate) fn at<'value>(value: &'value Value, path: &str) -> Option<&'value Value> {
    path.split('.').try_fold(value, |inner, key| inner.get(key))
}

/// Text that says something, kept as it came, blanks around it included; a whole number is read as its digits.
pub(crate) fn text(value: &Value, path: &str) -> Option<String> {
    as_text(at(value, path)?)
}

/// A string that says something; a number is none.
pub(crate) fn word<'value>(value: &'value Value, path: &str) -> Option<&'value str> {
    at(value, path)?.as_str().filter(|word| !word.trim().is_empty())
}

/// What an object tells of one of its fields: missing, null and blank all mean that there is none, another type means
/// nothing; and what is no object tells nothing.
pub(crate) fn told<T>(object: Option<&Value>, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Told<T> {
    let Some(Value::Object(fields)) = object else { return Told::Silent };
    match fields.get(key) {
        None | Some(Value::Null) => Told::Nothing,
        Some(Value::String(text)) if text.trim().is_empty() => Told::Nothing,
        Some(value) => read(value).map_or(Told::Silent, Told::Value),
    }
}

/// See [`text`].
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Number(_) => whole_number(value).map(|number| number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The longest id that is believed to be one, in bytes: Crisp's have some 45.
const MAX_ID_BYTES: usize = 255;

/// A text id; see [`text`]. What is far too long, or holds control characters, is none: no index or log could hold it.
pub(crate) fn id<T: TryFrom<String>>(value: &Value, path: &str) -> Option<T> {
    as_id(at(value, path)?)
}

/// See [`id`].
pub(crate) fn as_id<T: TryFrom<String>>(value: &Value) -> Option<T> {
    let id = as_text(value).filter(|id| id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control))?;
    T::try_from(id).ok()
}

/// A whole number, also when it came as `12.0` or `"12"`.
pub(crate) fn integer(value: &Value, path: &str) -> Option<i64> {
    as_integer(at(value, path)?)
}

/// See [`integer`].
pub(crate) fn as_integer(value: &Value) -> Option<i64> {
    whole_number(value)
}

/// A time that Crisp can have meant, in milliseconds; see [`moment::milliseconds`].
pub(crate) fn milliseconds(value: &Value, path: &str) -> Option<i64> {
    moment::milliseconds(at(value, path)?).filter(|time| moment::is_plausible(*time))
}

/// A truth value, also when it came as `1` or `"true"`.
pub(crate) fn flag(value: &Value, path: &str) -> Option<bool> {
    let found = at(value, path)?;
    found.as_bool().or_else(|| match found.as_str() {
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        Some(_) => None,
        None => found.as_i64().and_then(|number| match number {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }),
    })
}

fn whole_number(value: &Value) -> Option<i64> {
    if let Some(exact) = value.as_i64() {
        return Some(exact);
    }
    let float = match value.as_str() {
        Some(text) => match text.trim().parse::<i64>() {
            Ok(exact) => return Some(exact),
            Err(_) => text.trim().parse::<f64>().ok()?,
        },
        None => value.as_f64()?,
    };
    // Through text, since a float has no checked conversion to an integer; NaN and infinities do not parse.
    if float.fract() == 0.0 { format!("{float:.0}").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_kept_as_it_came_or_absent() {
        let value = json!({"a": {"b": " x "}, "empty": "", "blank": "  ", "number": 7, "null": null});
        assert_eq!(text(&value, "a.b"), Some(" x ".to_owned()));
        for path in ["a", "a.b.c", "empty", "blank", "null", "missing"] {
            assert_eq!(text(&value, path), None, "{path}");
        }
        assert_eq!((text(&value, "number"), word(&value, "number")), (Some("7".to_owned()), None));
        assert_eq!(text(&json!({"n": 33_142_685_300.0}), "n").as_deref(), Some("33142685300"));
        assert_eq!(text(&json!({"n": 1.5}), "n"), None);
    }

    #[test]
    fn numbers_come_in_several_clothes() {
        for (value, expected) in [
            (json!(1_767_225_604_990_i64), Some(1_767_225_604_990)),
            (json!(1_767_225_604_990.0), Some(1_767_225_604_990)),
            (json!("1767225604990"), Some(1_767_225_604_990)),
            (json!(" -3 "), Some(-3)),
            (json!("NaN"), None),
            (json!("inf"), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!("soon"), None),
            (json!([1]), None),
            (json!(true), None),
        ] {
            let object = json!({ "n": value });
            assert_eq!(integer(&object, "n"), expected, "{object}");
        }
        assert_eq!(integer(&json!({"n": 12.7}), "n"), None);
    }

    #[test]
    fn a_time_that_crisp_cannot_mean_is_absent() {
        assert_eq!(milliseconds(&json!({"t": "1767225604"}), "t"), Some(1_767_225_604_000));
        for odd in
            [json!(0), json!(-3), json!(1_000), json!(9_999_999_999_999_i64), json!("1970-01-01T00:00:01Z")]
        {
            assert_eq!(milliseconds(&json!({"t": odd}), "t"), None, "{odd}");
        }
    }

    #[test]
    fn an_object_tells_of_its_fields_and_anything_else_is_silent() {
        let object = json!({"a": "x", "b": null, "c": " ", "d": [1]});
        let told = |key| told(Some(&object), key, as_text);
        assert_eq!(told("a"), Told::Value("x".to_owned()));
        assert_eq!((told("b"), told("c"), told("e")), (Told::Nothing, Told::Nothing, Told::Nothing));
        assert_eq!(told("d"), Told::Silent);
        for odd in [None, Some(json!(null)), Some(json!([])), Some(json!("x"))] {
            assert_eq!(super::told(odd.as_ref(), "a", as_text), Told::Silent);
        }
    }

    #[test]
    fn flags_come_in_several_clothes() {
        let value = json!({"a": true, "b": 0, "c": "true", "d": "maybe", "e": 2, "f": null});
        let read: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].iter().map(|key| flag(&value, key)).collect();
        assert_eq!(read, [Some(true), Some(false), Some(true), None, None, None, None]);
    }

    #[test]
    fn an_id_that_no_index_could_hold_is_none() {
        for odd in ["x".repeat(256), "a\0b".to_owned(), "a\nb".to_owned()] {
            assert_eq!(id::<crate::ids::PeopleId>(&json!({"people_id": odd}), "people_id"), None);
        }
        let longest = "x".repeat(255);
        assert!(id::<crate::ids::PeopleId>(&json!({"people_id": longest}), "people_id").is_some());
    }
}

//! Reading one field of a JSON object and taking no offence: what is missing, null, empty or of another type is `None`.

use serde_json::Value;

/// The value under a dotted path of object keys.
pub(crate) fn at<'value>(value: &'value Value, path: &str) -> Option<&'value Value> {
    path.split('.').try_fold(value, |inner, key| inner.get(key))
}

/// A string that says something; kept as it came, blanks around it included.
pub(crate) fn text(value: &Value, path: &str) -> Option<String> {
    let text = at(value, path)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// The longest id that is believed to be one, in bytes: Crisp's have some 45.
const MAX_ID_BYTES: usize = 255;

/// A text id; see [`text`]. What is far too long, or holds control characters, is none: no index or log could hold it.
pub(crate) fn id<T: TryFrom<String>>(value: &Value, path: &str) -> Option<T> {
    let id = text(value, path).filter(|id| id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control))?;
    T::try_from(id).ok()
}

/// A whole number, also when it came as `12.0` or `"12"`.
pub(crate) fn integer(value: &Value, path: &str) -> Option<i64> {
    number(at(value, path)?, |float| float.fract() == 0.0)
}

/// A time in milliseconds; a fraction of a millisecond is dropped.
pub(crate) fn milliseconds(value: &Value, path: &str) -> Option<i64> {
    number(at(value, path)?, |_| true)
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

fn number(value: &Value, acceptable: impl Fn(f64) -> bool) -> Option<i64> {
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
    if acceptable(float) { format!("{:.0}", float.trunc()).parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_kept_as_it_came_or_absent() {
        let value = json!({"a": {"b": " x "}, "empty": "", "blank": "  ", "number": 7, "null": null});
        assert_eq!(text(&value, "a.b"), Some(" x ".to_owned()));
        for path in ["a", "a.b.c", "empty", "blank", "number", "null", "missing"] {
            assert_eq!(text(&value, path), None, "{path}");
        }
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
            assert_eq!(milliseconds(&object, "n"), expected, "{object}");
        }
        assert_eq!(integer(&json!({"n": 12.7}), "n"), None);
        assert_eq!(milliseconds(&json!({"n": 12.7}), "n"), Some(12));
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

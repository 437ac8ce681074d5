//! JSON that is not what was expected, said in sentences.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::problem::{Code, FieldError, Problem};

/// The longest piece of the caller's own text that is repeated to them, in characters.
const LONGEST_ECHO: usize = 100;

/// The value in a body that holds one JSON object, or a problem that names the field.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    check_object(body)?;
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| refuse(&error))?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Serde takes a list for an object, by the order of its fields; a list with nothing in it would be `{}`.
fn check_object(body: &[u8]) -> Result<(), Problem> {
    match body.trim_ascii_start().first() {
        Some(b'{') => Ok(()),
        Some(_) => {
            serde_json::from_slice::<IgnoredAny>(body).map_err(|error| malformed(&error))?;
            Err(Problem::of_field("body", "wrong_type", "should be an object"))
        }
        None => Err(Problem::new(Code::MalformedRequest, "The body is empty; a JSON object was expected.")),
    }
}

fn refuse(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    match error.inner().classify() {
        Category::Data => Problem::of_fields([field_error(&error.path().to_string(), &said(error.inner()))]),
        Category::Syntax | Category::Eof | Category::Io => malformed(error.inner()),
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    let place = format!("at line {}, column {}", error.line(), error.column());
    Problem::new(Code::MalformedRequest, format!("The body is not valid JSON {place}."))
}

/// What serde says, without the place in the text, which it appends.
fn said(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    whole.rsplit_once(" at line ").map_or(whole.as_str(), |(said, _)| said).to_owned()
}

/// Serde's words for what it did not like, as a field, a code and a sentence. Values are not repeated.
fn field_error(path: &str, said: &str) -> FieldError {
    let parent = if path == "." { "" } else { path };
    if let Some(field) = named(said, "unknown field `") {
        return error(within(parent, field), "unknown_field", "is not a field that is known here".to_owned());
    }
    if let Some(field) = named(said, "missing field `") {
        return error(within(parent, field), "required", "is required".to_owned());
    }
    if let Some(field) = named(said, "duplicate field `") {
        return error(within(parent, field), "duplicate", "stands there twice".to_owned());
    }
    let field = if parent.is_empty() { "body".to_owned() } else { short(parent) };
    let code = if said.starts_with("invalid type") { "wrong_type" } else { "invalid" };
    let detail = match said.rsplit_once(", expected ") {
        Some((_, expected)) => format!("should be {}", in_json(expected)),
        None => "is not in the form that is expected here".to_owned(),
    };
    error(field, code, detail)
}

/// Serde's words for a shape, in the words of JSON.
fn in_json(expected: &str) -> String {
    match expected {
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        expected if expected.starts_with("struct ") => "an object".to_owned(),
        expected => short(expected),
    }
}

fn error(field: String, code: &'static str, detail: String) -> FieldError {
    FieldError { field, code: code.into(), detail }
}

/// The name between the backticks after `start`.
fn named<'a>(said: &'a str, start: &str) -> Option<&'a str> {
    let rest = said.strip_prefix(start)?;
    rest.split_once("`, expected ")
        .or_else(|| rest.split_once("`, there are no fields"))
        .map_or_else(|| rest.strip_suffix('`'), |(name, _)| Some(name))
}

fn within(parent: &str, field: &str) -> String {
    let whole = match parent.strip_suffix(field) {
        Some(before) if before.is_empty() || before.ends_with('.') => parent.to_owned(),
        Some(_) | None if parent.is_empty() => field.to_owned(),
        Some(_) | None => format!("{parent}.{field}"),
    };
    short(&whole)
}

fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST_ECHO {
        return text.to_owned();
    }
    text.chars().take(LONGEST_ECHO).chain(std::iter::once('…')).collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Settings {
        redact: bool,
        #[serde(default)]
        mapping: Vec<Row>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Row {
        policy: Policy,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Policy {
        Overwrite,
        FillEmpty,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    fn refused(body: &str) -> (String, String, String) {
        let problem = parse::<Settings>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.code(), Code::ValidationFailed, "{body}");
        let [error] = problem.errors() else { panic!("{problem:?}") };
        (error.field.clone(), error.code.to_string(), error.detail.clone())
    }

    fn is(field: &str, code: &str, detail: &str) -> (String, String, String) {
        (field.to_owned(), code.to_owned(), detail.to_owned())
    }

    #[test]
    fn the_field_is_named_wherever_it_is() {
        let unknown = "is not a field that is known here";
        assert_eq!(refused(r#"{"redact":true,"colour":1}"#), is("colour", "unknown_field", unknown));
        assert_eq!(
            refused(r#"{"redact":true,"mapping":[{"x":1}]}"#),
            is("mapping[0].x", "unknown_field", unknown)
        );
        assert_eq!(refused("{}"), is("redact", "required", "is required"));
        assert_eq!(
            refused(r#"{"redact":true,"mapping":[{}]}"#),
            is("mapping[0].policy", "required", "is required")
        );
        assert_eq!(
            refused(r#"{"redact":true,"redact":true}"#),
            is("redact", "duplicate", "stands there twice")
        );
        assert_eq!(refused(r#"{"redact":"secret"}"#), is("redact", "wrong_type", "should be a boolean"));
        assert_eq!(
            refused(r#"{"redact":true,"mapping":{}}"#),
            is("mapping", "wrong_type", "should be a list")
        );
        assert_eq!(
            refused(r#"{"redact":true,"mapping":[3]}"#),
            is("mapping[0]", "wrong_type", "should be an object")
        );
        for body in ["[]", "[true]", "3", "null"] {
            assert_eq!(refused(body), is("body", "wrong_type", "should be an object"));
        }
        let policy = refused(r#"{"redact":true,"mapping":[{"policy":"x"}]}"#);
        assert_eq!(policy, is("mapping[0].policy", "invalid", "should be `overwrite` or `fill_empty`"));
        let error = parse::<Nothing>(br#"{"a":1}"#).unwrap_err();
        assert_eq!(error.errors()[0].field, "a");
    }

    #[test]
    fn what_is_not_json_is_malformed_and_says_where() {
        for body in ["{", "{\"redact\": tru}", "{\"redact\":true} x", "\u{0}", "{\"redact\":\"\\ud800\"}"] {
            let problem = parse::<Settings>(body.as_bytes()).unwrap_err();
            assert!(problem.status().is_client_error(), "{body}");
        }
        let problem = parse::<Settings>(b"{\"redact\": tru}").unwrap_err();
        assert_eq!(
            (problem.code(), problem.detail()),
            (Code::MalformedRequest, "The body is not valid JSON at line 1, column 15.")
        );
        assert_eq!(parse::<Settings>(b"").unwrap_err().code(), Code::MalformedRequest);
    }

    #[test]
    fn depth_and_length_do_no_harm() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(parse::<serde_json::Value>(deep.as_bytes()).unwrap_err().code(), Code::MalformedRequest);
        let long = format!("{{\"{}\":1}}", "x".repeat(10_000));
        assert!(refused(&long).0.chars().count() <= LONGEST_ECHO + 1);
    }
}

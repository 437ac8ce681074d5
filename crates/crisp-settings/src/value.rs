//! How one setting is read, whatever it means.

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use zeroize::Zeroizing;

use crate::refused::Refusal;

/// The longest secret that is read from a file, in bytes. A ring of a hundred keys has 6 KiB.
const LONGEST_SECRET_FILE: u64 = 64 * 1024;

/// The longest schedule or period that makes sense, in seconds: ten years.
pub(crate) const LONGEST_SECONDS: u64 = 10 * 365 * 24 * 3600;

/// What was given, without the blanks around it; nothing but blanks is nothing.
pub(crate) fn present(given: Option<&str>) -> Option<&str> {
    given.map(str::trim).filter(|text| !text.is_empty())
}

/// A secret that may be absent, from the value itself or from the file that holds it.
pub(crate) fn secret(
    name: &'static str,
    given: Option<&SecretString>,
    file: Option<&str>,
) -> Result<Option<SecretString>, Refusal> {
    let given = present(given.map(ExposeSecret::expose_secret));
    match (given, present(file)) {
        (None, None) => Ok(None),
        (Some(text), None) => one_line(name, text).map(Some),
        (None, Some(path)) => secret_in_file(name, path).map(Some),
        (Some(_), Some(_)) => Err(Refusal::new(
            name,
            format!("is set twice, as {name} and as {name}_FILE"),
            "Keep the one that is meant and remove the other.",
        )),
    }
}

/// A secret that must be there; `remedy` says where it comes from.
pub(crate) fn required_secret(
    name: &'static str,
    given: Option<&SecretString>,
    file: Option<&str>,
    remedy: &str,
) -> Result<SecretString, Refusal> {
    secret(name, given, file)?.ok_or_else(|| Refusal::new(name, "is not set", remedy))
}

/// Neither the path nor the content is repeated: people do put the secret itself where its path belongs.
fn secret_in_file(name: &'static str, path: &str) -> Result<SecretString, Refusal> {
    let remedy = format!("{name}_FILE takes the path of a text file that this process may read.");
    let refuse = |wrong: String| Refusal::new(name, wrong, remedy.clone());
    let text =
        read_text(path).map_err(|error| refuse(format!("is in a file that cannot be read ({error})")))?;
    match present(Some(&text)) {
        Some(text) => one_line(name, text),
        None => Err(refuse("is in a file that is empty".to_owned())),
    }
}

fn read_text(path: &str) -> Result<Zeroizing<String>, std::io::ErrorKind> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(LONGEST_SECRET_FILE).read_to_string(&mut text))
        .map_err(|error| error.kind())?;
    Ok(text)
}

fn one_line(name: &'static str, text: &str) -> Result<SecretString, Refusal> {
    if text.chars().any(char::is_control) {
        return Err(Refusal::new(
            name,
            "has a line break or another control character inside",
            "Paste it again as one line.",
        ));
    }
    Ok(SecretString::from(text))
}

/// A whole number within bounds.
pub(crate) fn number<N>(
    name: &'static str,
    given: &str,
    default: &str,
    bounds: RangeInclusive<N>,
) -> Result<N, Refusal>
where
    N: FromStr + PartialOrd + Display,
{
    let text = present(Some(given)).unwrap_or(default);
    match text.parse::<N>() {
        Ok(number) if bounds.contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(Refusal::new(
            name,
            format!("is {text:?}, which is not a whole number from {} to {}", bounds.start(), bounds.end()),
            format!("Leave it out for the default of {default}."),
        )),
    }
}

/// A period in whole seconds, at least one.
pub(crate) fn seconds(name: &'static str, given: &str, default: &str) -> Result<Duration, Refusal> {
    number(name, given, default, 1..=LONGEST_SECONDS).map(Duration::from_secs)
}

/// An `http` or `https` address without credentials, query or fragment, and without a slash at its end.
pub(crate) fn address(name: &'static str, given: &str, example: &str) -> Result<Url, Refusal> {
    let refuse = |wrong: &str| Refusal::new(name, wrong, format!("Give it as in {example}."));
    let mut url = Url::parse(given.trim()).map_err(|error| refuse(&format!("is no address ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("is neither an http nor an https address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("has a user name or password inside, which do not belong there"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("has a query or fragment, to which no path can be added"));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

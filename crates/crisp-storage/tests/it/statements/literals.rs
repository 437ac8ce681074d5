//! The string literals of the crate's sources, as a compiler would read them.

use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

/// A literal in lower case with single blanks, and where it stands.
pub(super) struct Literal {
    pub(super) place: String,
    pub(super) text: String,
}

/// Every string literal of every source file.
pub(super) fn in_sources() -> Vec<Literal> {
    let mut found = Vec::new();
    visit(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut found);
    assert!(found.len() > 300, "the sources were not understood: {} literals", found.len());
    found
}

fn visit(folder: &Path, found: &mut Vec<Literal>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let place = |line| format!("{}:{line}", path.display());
            found.extend(
                literals(&source)
                    .into_iter()
                    .map(|(line, text)| Literal { place: place(line), text: plain(&text) }),
            );
        }
    }
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Literals with their line. Comments, character literals and lifetimes are passed over.
fn literals(source: &str) -> Vec<(usize, String)> {
    let (mut found, mut line, mut before) = (Vec::new(), 1, ' ');
    let mut rest = source.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\n' => line += 1,
            '/' if rest.peek() == Some(&'/') => skip_line(&mut rest),
            '\'' => skip_character(&mut rest),
            'r' if !before.is_alphanumeric() && matches!(rest.peek(), Some('"' | '#')) => {
                if let Some(text) = raw(&mut rest) {
                    found.push((line, text.clone()));
                    line += text.matches('\n').count();
                }
            }
            '"' => {
                let (text, lines) = quoted(&mut rest);
                found.push((line, text));
                line += lines;
            }
            _ => {}
        }
        before = letter;
    }
    found
}

fn skip_line(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|letter| *letter != '\n').is_some() {}
}

/// `'x'` or `'\n'`; a lifetime has no second quote.
fn skip_character(rest: &mut Peekable<Chars<'_>>) {
    let mut ahead = rest.clone();
    let letter = ahead.next();
    let length = if letter == Some('\\') {
        ahead.take_while(|letter| *letter != '\'').count() + 2
    } else if ahead.next() == Some('\'') {
        2
    } else {
        0
    };
    rest.by_ref().take(length).for_each(drop);
}

fn raw(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut hashes = 0;
    while rest.next_if_eq(&'#').is_some() {
        hashes += 1;
    }
    rest.next_if_eq(&'"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let mut text = String::new();
    for letter in rest.by_ref() {
        text.push(letter);
        if text.ends_with(&end) {
            break;
        }
    }
    Some(text.trim_end_matches(&end).to_owned())
}

/// The text up to the closing quote, and how many lines it spans.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> (String, usize) {
    let (mut text, mut lines) = (String::new(), 0);
    while let Some(letter) = rest.next() {
        match letter {
            '"' => break,
            '\\' => {
                let escaped = rest.next().unwrap_or(' ');
                if escaped == '\n' {
                    lines += 1;
                    while let Some(blank) = rest.next_if(|letter| letter.is_whitespace()) {
                        lines += usize::from(blank == '\n');
                    }
                } else {
                    text.push(escaped);
                }
            }
            '\n' => {
                lines += 1;
                text.push('\n');
            }
            _ => text.push(letter),
        }
    }
    (text, lines)
}

#[test]
fn literals_are_found_where_they_are() {
    let source =
        "fn a<'x>() { // \"no\"\n  b('\"', '\\'', \"one\", r#\"t\"wo\"#, \"th\\\n     ree\",\n \"four\") }";
    let found = literals(source);
    let expected = [(2, "one"), (2, "t\"wo"), (2, "three"), (4, "four")];
    assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
}

//! The rows of the mapping editor: between what a browser sends and what the settings hold.

use crisp_domain::mapping::{MAX_ROWS, Mapping, Policy, Target};
use serde_json::{Value, json};

use crate::input::Form;
use crate::words;

/// Rows beyond those that are used, to be filled in.
const BLANK_ROWS: usize = 1;
/// The most rows that a form may have; the settings themselves take fewer.
const MOST_ROWS: usize = 250;
/// The target of a row whose attribute has a name of its own.
const ATTRIBUTE: &str = "attributes";

/// One row as it stands in the form, right or wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) on: bool,
    pub(crate) from: String,
    /// `email`, `name`, `phone`, `signed_up_at` or `attributes`.
    pub(crate) to: String,
    pub(crate) attribute: String,
    pub(crate) fill_empty: bool,
    pub(crate) errors: Vec<RowError>,
}

/// What is wrong with one control of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowError {
    /// `from`, `to`, `attribute` or `policy`.
    pub(crate) control: &'static str,
    /// A sentence.
    pub(crate) words: String,
}

/// A field of a contact, for the list of targets.
pub(crate) const TARGETS: [(&str, &str); 5] = [
    ("email", "Email"),
    ("name", "Name"),
    ("phone", "Phone"),
    ("signed_up_at", "Signed up at"),
    (ATTRIBUTE, "Attribute"),
];

impl Row {
    /// Room for one more.
    pub(crate) fn blank() -> Self {
        Self { to: ATTRIBUTE.to_owned(), on: true, ..Self::default() }
    }

    /// What is wrong with a control, in sentences.
    pub(crate) fn wrong(&self, control: &str) -> Vec<&str> {
        let own = self.errors.iter().filter(|error| error.control == control);
        own.map(|error| error.words.as_str()).collect()
    }

    /// Whether it costs a request for each person.
    pub(crate) fn reads_custom_data(&self) -> bool {
        self.from.starts_with("data.")
    }

    /// What people call its source.
    pub(crate) fn source(&self) -> String {
        words::source(&self.from)
    }

    fn is_blank(&self) -> bool {
        self.from.is_empty() && self.attribute.is_empty()
    }

    /// The target as the settings write it.
    fn target(&self) -> String {
        if self.to == ATTRIBUTE { format!("{ATTRIBUTE}.{}", self.attribute) } else { self.to.clone() }
    }
}

/// The rows of a saved mapping, then those of the default that it does without, switched off, then room for more.
pub(crate) fn rows_of(mapping: &Mapping) -> Vec<Row> {
    let on = mapping.rows().iter().map(|row| row_of(row, true));
    let default = Mapping::default();
    let unused =
        |row: &&crisp_domain::mapping::MappingRow| mapping.rows().iter().all(|used| used.to != row.to);
    let off = default.rows().iter().filter(unused).map(|row| row_of(row, false));
    with_blanks(on.chain(off).collect())
}

fn row_of(row: &crisp_domain::mapping::MappingRow, on: bool) -> Row {
    let (to, attribute) = match &row.to {
        Target::Attribute(name) => (ATTRIBUTE.to_owned(), name.as_str().to_owned()),
        Target::Email | Target::Name | Target::Phone | Target::SignedUpAt => {
            (row.to.to_string(), String::new())
        }
    };
    let fill_empty = row.policy == Policy::FillEmpty;
    Row { on, from: row.from.as_str().to_owned(), to, attribute, fill_empty, errors: Vec::new() }
}

fn with_blanks(mut rows: Vec<Row>) -> Vec<Row> {
    rows.extend(std::iter::repeat_n(Row::blank(), BLANK_ROWS));
    rows
}

/// The rows that a browser sent; those that were left blank are dropped, and there is room for more again.
pub(crate) fn sent(form: &Form) -> Vec<Row> {
    let rows = (0..MOST_ROWS).take_while(|number| form.is_ticked(&format!("from_{number}"))).map(|number| {
        let text = |field: &str| form.text(&format!("{field}_{number}")).to_owned();
        Row {
            on: form.is_ticked(&format!("on_{number}")),
            from: text("from"),
            to: text("to"),
            attribute: text("attribute"),
            fill_empty: text("policy") == "fill_empty",
            errors: Vec::new(),
        }
    });
    with_blanks(rows.filter(|row| !row.is_blank()).collect())
}

/// The rows that are on, as the settings write them.
pub(crate) fn mapping_of(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let policy = if row.fill_empty { "fill_empty" } else { "overwrite" };
        json!({"from": row.from, "to": row.target(), "policy": policy})
    };
    Value::Array(used(rows).map(row).collect())
}

fn used(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.on && !row.is_blank())
}

/// Puts each error to the row that it is about; answers those that are about none.
pub(crate) fn put_errors(rows: &mut [Row], errors: &[crisp_domain::FieldError]) -> Vec<String> {
    let mut others = Vec::new();
    for error in errors {
        let (number, field) = place(&error.field).unwrap_or((usize::MAX, ""));
        let row = rows.iter_mut().filter(|row| row.on && !row.is_blank()).nth(number);
        match row {
            Some(row) => {
                let wrong = row_error(row, field, error);
                row.errors.push(wrong);
            }
            None if error.code == "too_many" => others.push(format!("There may be at most {MAX_ROWS} rows.")),
            None => others.push(words::sentence(&format!("{} {}", words::field(&error.field), error.detail))),
        }
    }
    others
}

fn row_error(row: &Row, field: &str, error: &crisp_domain::FieldError) -> RowError {
    let is_attribute = row.to == ATTRIBUTE;
    let said = |control, words: &str| RowError { control, words: words.to_owned() };
    match (field, error.code) {
        ("from", _) if row.from.is_empty() => said("from", "Choose a Crisp field."),
        ("from", _) => RowError {
            control: "from",
            words: format!("“{}” is no field of a Crisp profile: it {}.", row.from, error.detail),
        },
        ("to", "duplicate") if is_attribute => {
            said("attribute", "Another row above fills this attribute already.")
        }
        ("to", "duplicate") => said("to", "Another row above fills this field already."),
        ("to", _) if is_attribute && row.attribute.is_empty() => {
            said("attribute", "Give the attribute a name, such as job_title.")
        }
        ("to", _) if is_attribute => {
            said("attribute", "A name has 1 to 64 small letters, digits and underscores, such as job_title.")
        }
        ("to", _) => said("to", "Choose a Custify field."),
        ("policy", _) => said("policy", "Choose what counts if there is a value."),
        _ => RowError { control: "from", words: words::sentence(&format!("this row {}", error.detail)) },
    }
}

/// `mapping[2].to` is the third row's `to`.
fn place(field: &str) -> Option<(usize, &str)> {
    let (number, rest) = field.strip_prefix("mapping[")?.split_once(']')?;
    Some((number.parse().ok()?, rest.trim_start_matches('.')))
}

#[cfg(test)]
mod tests {
    use crisp_domain::{FieldError, ImportSettings};

    use super::*;

    #[test]
    fn a_saved_mapping_comes_back_as_it_was() {
        let rows = rows_of(&Mapping::default());
        assert_eq!(mapping_of(&rows), serde_json::to_value(Mapping::default()).unwrap());
        assert!(rows.last().unwrap().is_blank());
    }

    #[test]
    fn a_row_that_is_off_is_not_saved_and_offered_again() {
        let mut rows = rows_of(&Mapping::default());
        rows[0].on = false;
        let settings = ImportSettings::parse(json!({"mapping": mapping_of(&rows)})).unwrap();
        let again = rows_of(&settings.mapping);
        assert!(again.iter().any(|row| row.to == "email" && !row.on));
    }

    #[test]
    fn an_error_stands_at_its_row_though_rows_before_it_are_off() {
        let row = |on, from: &str| Row { on, from: from.to_owned(), to: "name".to_owned(), ..Row::default() };
        let said = |row: &Row| (row.wrong("to").join(" "), row.wrong("from").join(" "));
        let mut rows = vec![row(false, "a"), row(true, "b"), row(true, "c")];
        let errors =
            [FieldError::new("mapping[1].to", "duplicate", "is used twice"), FieldError::new("x", "y", "z")];
        assert_eq!(put_errors(&mut rows, &errors), ["X z."]);
        assert_eq!(said(&rows[2]), ("Another row above fills this field already.".to_owned(), String::new()));
        let named =
            Row { to: ATTRIBUTE.to_owned(), attribute: "No Name".to_owned(), on: true, ..Row::default() };
        let mut rows = vec![named];
        put_errors(
            &mut rows,
            &[
                FieldError::new("mapping[0].to", "invalid", "is odd"),
                FieldError::new("mapping[0].from", "invalid", ""),
            ],
        );
        assert!(rows[0].wrong("attribute")[0].contains("small letters"), "{:?}", rows[0].errors);
        assert_eq!(rows[0].wrong("from"), ["Choose a Crisp field."]);
    }
}

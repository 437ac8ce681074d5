//! The fields of a contact that a mapping can fill.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::Target;
use crate::discreet::{Hidden, hidden};
use crate::time;

/// What a contact holds. `Debug` shows which fields are filled, never with what.
#[derive(Clone, PartialEq, Default)]
pub struct ContactFields {
    /// The email address as it came, without surrounding blanks.
    pub email: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The phone number as it came.
    pub phone: Option<String>,
    /// When the person signed up.
    pub signed_up_at: Option<DateTime<Utc>>,
    /// Custom attributes by name.
    pub attributes: Map<String, Value>,
}

impl ContactFields {
    /// The value of a field, as JSON; `None` where there is nothing: absent, null, or blank text.
    pub fn get(&self, target: &Target) -> Option<Value> {
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let value = match target {
            Target::Email => text(&self.email),
            Target::Name => text(&self.name),
            Target::Phone => text(&self.phone),
            Target::SignedUpAt => self.signed_up_at.map(|instant| Value::String(time::rfc3339_ms(instant))),
            Target::Attribute(name) => self.attributes.get(name.as_str()).cloned(),
        };
        value.filter(|value| !is_empty(value))
    }

    /// Puts a value into a field, or nothing; a value that the field cannot hold is nothing.
    pub fn set(&mut self, target: &Target, value: Option<Value>) {
        let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
        match target {
            Target::Email => self.email = text(value),
            Target::Name => self.name = text(value),
            Target::Phone => self.phone = text(value),
            Target::SignedUpAt => self.signed_up_at = value.as_ref().and_then(time::from_value),
            Target::Attribute(name) => match value {
                Some(value) => {
                    self.attributes.insert(name.as_str().to_owned(), value);
                }
                None => {
                    self.attributes.shift_remove(name.as_str());
                }
            },
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

impl fmt::Debug for ContactFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.attributes.keys().map(|name| (name, Hidden)).collect::<Vec<_>>();
        f.debug_struct("ContactFields")
            .field("email", &hidden(self.email.as_ref()))
            .field("name", &hidden(self.name.as_ref()))
            .field("phone", &hidden(self.phone.as_ref()))
            .field("signed_up_at", &self.signed_up_at)
            .field("attributes", &attributes)
            .finish()
    }
}

//! Profiles appear, change and vanish.

use serde_json::{Map, Value, json};

use super::{Change, NoSuch, held_person};
use crate::simulator::records::{Person, Sorted};

/// A profile to create.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of Crisp's profile object, by their names")]
pub struct NewPerson {
    pub email: Option<String>,
    pub nickname: Option<String>,
    pub job_title: Option<String>,
    pub country: Option<String>,
    pub data: Map<String, Value>,
}

impl NewPerson {
    /// Somebody with this name and address.
    pub fn named(nickname: &str, email: &str) -> Self {
        Self { email: Some(email.to_owned()), nickname: Some(nickname.to_owned()), ..Self::default() }
    }
}

/// What is to change about a profile; `None` = stays.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of Crisp's profile object, by their names")]
pub struct PersonUpdate {
    pub email: Option<String>,
    pub nickname: Option<String>,
    pub phone: Option<String>,
    pub job_title: Option<String>,
    pub company_name: Option<String>,
    pub country: Option<String>,
    pub segments: Option<Vec<String>>,
}

impl Change {
    /// Creates a profile; answers its people id.
    pub fn create_person(&self, new: NewPerson) -> String {
        let website = self.website();
        let mut contents = website.lock();
        let slot = contents.people.fresh_slot();
        let stamp = self.shared.clock.stamp();
        let person = Person {
            people_id: website.site.people_id(slot),
            email: new.email,
            nickname: new.nickname,
            job_title: new.job_title,
            country: new.country,
            data: new.data,
            active_last: Some(stamp),
            created_at: Some(stamp),
            updated_at: Some(stamp),
            readable: true,
            sorted: Sorted { created: stamp, updated: stamp },
            ..Person::default()
        };
        contents.put_person(slot, Some(person.clone()), self.shared.clock.now_ms());
        self.emit_person("people:profile:created", &person, Value::Null);
        person.people_id
    }

    /// Changes a profile.
    pub fn update_person(&self, people_id: &str, update: PersonUpdate) -> Result<(), NoSuch> {
        let (person, mut told) = self.revise_person(people_id, |person| apply(person, update))?;
        told.insert("updated_at".to_owned(), json!(person.updated_at));
        self.emit_person("people:profile:updated", &person, json!({"update": told}));
        Ok(())
    }

    /// The person looks in: `updated_at` and `active.last` move, no hook tells.
    pub fn touch_person(&self, people_id: &str) -> Result<(), NoSuch> {
        let now = self.shared.clock.now_ms();
        self.revise_person(people_id, |person| person.active_last = person.active_last.max(Some(now)))?;
        Ok(())
    }

    /// Crisp learns from a session who somebody is (`people:sync:profile`).
    pub fn sync_profile(
        &self,
        people_id: &str,
        session_id: &str,
        update: PersonUpdate,
    ) -> Result<(), NoSuch> {
        let (_, identity) = self.revise_person(people_id, |person| apply(person, update))?;
        self.emit("people:sync:profile", session_id, json!({"people_id": people_id, "identity": identity}));
        Ok(())
    }

    /// Removes a profile; its conversations stay, and still name its id.
    pub fn remove_person(&self, people_id: &str) -> Result<(), NoSuch> {
        let website = self.website();
        let mut contents = website.lock();
        let (slot, person) = held_person(website, &contents, people_id)?;
        contents.put_person(slot, None, self.shared.clock.now_ms());
        let bare = Person { email: None, ..person };
        self.emit_person("people:profile:removed", &bare, Value::Null);
        Ok(())
    }
}

/// Applies the update; answers the part of the profile that a hook tells.
fn apply(person: &mut Person, update: PersonUpdate) -> Map<String, Value> {
    let (mut told, mut about, mut work) = (Map::new(), Map::new(), Map::new());
    replace(&mut person.email, update.email, &mut told, "email");
    replace(&mut person.nickname, update.nickname, &mut about, "nickname");
    replace(&mut person.phone, update.phone, &mut about, "phone");
    replace(&mut person.job_title, update.job_title, &mut work, "title");
    if !work.is_empty() {
        about.insert("employment".to_owned(), work.into());
    }
    if let Some(country) = update.country {
        about.insert("geolocation".to_owned(), json!({"country": country}));
        person.country = Some(country);
    }
    if !about.is_empty() {
        told.insert("person".to_owned(), about.into());
    }
    if let Some(name) = update.company_name {
        told.insert("company".to_owned(), json!({"name": name}));
        person.company_name = Some(name);
    }
    if let Some(segments) = update.segments {
        told.insert("segments".to_owned(), json!(segments));
        person.segments = segments;
    }
    told
}

fn replace(field: &mut Option<String>, value: Option<String>, told: &mut Map<String, Value>, key: &str) {
    if let Some(value) = value {
        told.insert(key.to_owned(), value.as_str().into());
        *field = (!value.is_empty()).then_some(value);
    }
}

//! `Debug` of what goes in and out of the use cases: it says which, and nothing of what it holds.

use std::fmt::Debug;

use chrono::DateTime;
use crisp_client::PeopleId;
use crisp_domain::{AccountId, ContactFields};
use crisp_sync::connect::Visitor;
use crisp_sync::directory::{Batch, CompanyChange, ContactChange, Field};
use crisp_sync::settings::{Example, Preview};
use serde_json::json;

const SAID: &str = "canary";

fn is_discreet(value: &impl Debug) {
    let shown = format!("{value:?} {value:#?}");
    assert!(!shown.contains(SAID), "{shown}");
}

#[test]
fn what_is_asked_for_and_answered_is_not_shown() {
    let said = || Field::Set(SAID.to_owned());
    let attributes = json!({ SAID: SAID }).as_object().unwrap().clone();
    let contact = ContactChange {
        external_id: "k-1".to_owned(),
        email: said(),
        name: said(),
        phone: said(),
        signed_up_at: Field::Keep,
        attributes: Field::Set(attributes),
        companies: Some(vec![SAID.to_owned()]),
    };
    let company = CompanyChange { external_id: "c-1".to_owned(), name: said() };
    is_discreet(&contact);
    is_discreet(&company);
    is_discreet(&Batch { companies: vec![company], contacts: vec![contact] });
    is_discreet(&Visitor { account: AccountId::new_v7(DateTime::UNIX_EPOCH), user: SAID });
    is_discreet(&Example { path: "email".to_owned(), examples: vec![json!(SAID)] });
    let fields = ContactFields {
        email: Some(SAID.to_owned()),
        name: Some(SAID.to_owned()),
        ..ContactFields::default()
    };
    let preview =
        Preview { people_id: PeopleId::new("p-1"), contact: None, before: fields.clone(), after: fields };
    is_discreet(&preview);
}

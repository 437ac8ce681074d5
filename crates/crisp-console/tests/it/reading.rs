use crisp_sync::directory::{self, ContactChange, Field};
use serde_json::json;
use testkit::simulator::{NewConversation, NewMessage, NewPerson, Options, Side};

use crate::world::World;

const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\"' --> <!--support--> {{ 7*7 }}";

/// A person, with one conversation, that would be code if they could.
async fn hostile_world() -> (World, String) {
    let world = World::of(Options::of_size(0, 0)).await;
    let change = world.crisp.change(world.website());
    let person = change.create_person(NewPerson::named(HOSTILE, "mallory@hostile.example"));
    let new = NewConversation {
        people_id: Some(person),
        subject: Some(HOSTILE.to_owned()),
        ..NewConversation::default()
    };
    let session = change.start_conversation(new, HOSTILE);
    change.send(&session, NewMessage::note("between us")).unwrap();
    let removed = change.send(&session, NewMessage::text(Side::Operator, "a secret slip")).unwrap();
    let file = json!({"name": HOSTILE, "url": "javascript:alert(1)", "type": "text/html"});
    change.send(&session, NewMessage::of_kind("file", Side::User, file)).unwrap();
    let contact = ContactChange {
        external_id: "m/1 <b>".to_owned(),
        email: Field::Set("mallory@hostile.example".to_owned()),
        companies: Some(vec!["evil & co/<i>".to_owned()]),
        ..ContactChange::default()
    };
    directory::put_contact(&world.engine, world.account.into(), "tester", contact).await.unwrap();
    let (path, _) = world.imported().await;
    change.remove(&session, removed).unwrap();
    let again = world.post(&format!("{path}/syncs"), &[("kind", "full"), ("reread_messages", "1")]).await;
    let again = again.leads_to().to_owned();
    world.work_until(async || world.page(&again).await.texts("#sync-state") == ["Succeeded"]).await;
    (world, session)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_visitor_wrote_is_text() {
    let (world, session) = hostile_world().await;
    let contacts = world.page("/contacts?search=mallory").await;
    let contact = world.page(&contacts.attributes(".people a", "href")[0]).await;
    let companies = world.page("/companies").await;
    let company = world.page(&companies.attributes(".people a", "href")[0]).await;
    let thread = world.page(&contact.attributes(".conversations h3 a", "href")[0]).await;
    for page in [&contacts, &contact, &companies, &company, &thread] {
        assert_eq!(page.attributes("main script, main img, main i, main b", "src"), Vec::<String>::new());
        assert_eq!(page.attributes("a[href^=javascript]", "href"), Vec::<String>::new());
    }
    assert_eq!(thread.texts("h1"), [HOSTILE]);
    assert_eq!(company.texts("h1"), ["evil & co/<i>"]);
    assert_eq!(company.texts(".chart .bar").len(), 12);
    assert_eq!(thread.texts(".message.note .body"), ["between us"]);
    assert!(thread.texts(".message.removed .body")[0].starts_with("This message was removed"));
    assert!(!thread.text.contains("a secret slip"));
    let link = &thread.attributes(".facts a[role=button]", "href")[0];
    assert!(link.ends_with(&format!("/website/{}/inbox/{session}/", world.website())), "{link}");
    assert_eq!(thread.texts(".facts dd").last().map(String::as_str), Some("Crisp profile"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_is_called_by_its_name_and_what_is_none_as_it_came() {
    let world = World::of(Options::of_size(0, 0)).await;
    for (told, shown) in [("fr", "France"), ("Freedonia", "Freedonia")] {
        let contact = ContactChange {
            external_id: told.to_owned(),
            name: Field::Set("Ana".to_owned()),
            attributes: Field::Set(json!({"country": told}).as_object().unwrap().clone()),
            ..ContactChange::default()
        };
        directory::put_contact(&world.engine, world.account.into(), "tester", contact).await.unwrap();
        let found = world.page(&format!("/contacts?search={told}")).await;
        let page = world.page(&found.attributes(".people a", "href")[0]).await;
        assert!(page.texts(".facts dd").contains(&shown.to_owned()), "{:?}", page.texts(".facts dd"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_thread_opens_at_its_end_and_goes_back_page_by_page() {
    let world = World::of(Options::of_size(0, 0)).await;
    let change = world.crisp.change(world.website());
    let person = change.create_person(NewPerson::named("Ada", "ada@long.example"));
    let session = change.start_conversation(NewConversation::by_people_id(&person), "message 0");
    for number in 1..120 {
        change.send(&session, NewMessage::text(Side::User, &format!("message {number}"))).unwrap();
    }
    world.imported().await;
    let contact = world.page("/contacts").await.attributes(".people a", "href").remove(0);
    let path = world.page(&contact).await.attributes(".conversations h3 a", "href").remove(0);
    let (mut page, mut seen) = (world.page(&path).await, Vec::new());
    assert_eq!(page.texts(".message .body").last().map(String::as_str), Some("message 119"));
    loop {
        seen.splice(0..0, page.texts(".message .body"));
        let Some(earlier) = page.attributes("a[rel=prev]", "href").pop() else { break };
        page = world.page(&format!("{path}{earlier}")).await;
    }
    let all: Vec<String> = (0..120).map(|number| format!("message {number}")).collect();
    assert_eq!(seen, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_filtered_by_state_and_text() {
    let world = World::of(Options::of_size(0, 0)).await;
    let change = world.crisp.change(world.website());
    let person = change.create_person(NewPerson::named("Ada", "ada@filter.example"));
    for subject in ["Invoice 1", "Login", "Invoice 2"] {
        let new = NewConversation {
            people_id: Some(person.clone()),
            subject: Some(subject.to_owned()),
            ..NewConversation::default()
        };
        change.start_conversation(new, "hi");
    }
    world.imported().await;
    let contact = world.page("/contacts").await.attributes(".people a", "href").remove(0);
    let found = world.page(&format!("{contact}?search=invoice&status=")).await;
    assert_eq!(found.texts(".conversations h3"), ["Invoice 2", "Invoice 1"]);
    let none = world.page(&format!("{contact}?search=invoice&status=resolved")).await;
    assert_eq!(none.texts(".empty h3"), ["No conversations match"]);
    let paged = world.page(&format!("{contact}?search=invoice&limit=1")).await;
    let next = paged.attributes("a[rel=next]", "href").remove(0);
    let second = world.page(&format!("{contact}{next}")).await;
    assert_eq!(second.texts(".conversations h3"), ["Invoice 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_a_list_shows() {
    let world = World::of(Options::of_size(0, 0)).await;
    let change = world.crisp.change(world.website());
    let person = change.create_person(NewPerson::named("Grace Hopper", "grace@search.example"));
    let new = NewConversation { people_id: Some(person), ..NewConversation::default() };
    let session = change.start_conversation(new, "Where is my compiler, please?");
    change.send(&session, NewMessage::text(Side::Operator, "On the Mark I")).unwrap();
    world.imported().await;
    let contact = world.page("/contacts").await.attributes(".people a", "href").remove(0);
    for words in ["hopper", "grace%40search", "mark%20i"] {
        let found = world.page(&format!("{contact}?search={words}")).await;
        assert_eq!(found.texts(".conversations h3"), ["Where is my compiler, please?"], "{words}");
    }
    assert_eq!(world.page(&format!("{contact}?search=cobol")).await.texts(".conversations h3").len(), 0);
    let beyond = world.page(&format!("{contact}?search=hopper&status=pending")).await;
    assert!(beyond.texts(".empty").is_empty(), "{}", beyond.text);
}

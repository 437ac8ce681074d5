//! Contacts and companies as Custify's services write them, and what follows.

use crisp_domain::EmailKey;
use crisp_storage::directory::ContactRow;
use crisp_storage::views::contacts::{self, ContactView, Filter};
use crisp_storage::views::conversations::{self as threads, ConversationView, Scope};
use crisp_sync::Refusal;
use crisp_sync::directory::{self, Batch, CompanyChange, ContactChange, Field};
use crisp_sync::syncs::SyncKind;
use serde_json::json;
use testkit::simulator::{Links, NewConversation, NewPerson, Options, WebsiteOptions};

use crate::world::{ACTOR, World};

fn contact(external_id: &str, email: &str, companies: &[&str]) -> ContactChange {
    ContactChange {
        external_id: external_id.to_owned(),
        email: Field::Set(email.to_owned()),
        companies: Some(companies.iter().map(|&company| company.to_owned()).collect()),
        ..ContactChange::default()
    }
}

async fn put(world: &World, change: ContactChange) -> ContactRow {
    directory::put_contact(&world.engine, world.account, ACTOR, change).await.unwrap()
}

async fn view(world: &World, email: &str) -> Vec<ContactView> {
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    let filter = Filter { email: EmailKey::parse(email), ..Filter::default() };
    contacts::list(&mut session, &filter, None, 10).await.unwrap()
}

async fn of_company(world: &World, external_id: &str) -> Vec<ConversationView> {
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    let company = crisp_storage::views::companies::find(&mut session, external_id).await.unwrap().unwrap();
    threads::list(&mut session, Scope::Company(company.id.into()), &threads::Filter::default(), None, 50)
        .await
        .unwrap()
}

/// A workspace whose people and conversations are all made by the test.
async fn empty_world() -> World {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(0, 0).links(Links::none())], ..Options::default() };
    World::of(options).await
}

#[tokio::test]
async fn a_contact_that_a_sync_takes_back_to_what_crisp_says_counts_as_updated() {
    let world = empty_world().await;
    let change = world.crisp.change(world.website());
    for name in ["ana", "ben"] {
        change.create_person(NewPerson::named(name, &format!("{name}@northwind.example")));
    }
    let id = world.imported().await;
    let by_hand = Field::Set("By hand".to_owned());
    put(&world, ContactChange { name: by_hand, ..contact("k1", "ana@northwind.example", &[]) }).await;
    let run = world.sync(id, SyncKind::Full).await;
    assert_eq!((run.people_created, run.people_updated, run.people_unchanged), (0, 1, 1));
    assert_eq!(view(&world, "ana@northwind.example").await[0].name.as_deref(), Some("ana"));
    let run = world.sync(id, SyncKind::Full).await;
    assert_eq!((run.people_updated, run.people_unchanged), (0, 2));
}

#[tokio::test]
async fn a_contact_that_only_crisp_brought_is_adopted_with_all_it_has() {
    let world = empty_world().await;
    let change = world.crisp.change(world.website());
    let ana = change.create_person(NewPerson::named("Ana Example", "ana@northwind.example"));
    change.start_conversation(NewConversation::by_people_id(&ana), "Hello");
    world.imported().await;
    let before = view(&world, "ana@northwind.example").await.remove(0);
    assert_eq!((before.external_id.as_deref(), before.companies.len()), (None, 0));

    let row = put(&world, contact("k1", " Ana@Northwind.example", &["c1", "c2", "c1"])).await;
    let after = view(&world, "ana@northwind.example").await;
    assert_eq!(after.len(), 1, "enriched, not doubled");
    assert_eq!((row.id, after[0].id, after[0].external_id.as_deref()), (before.id, before.id, Some("k1")));
    assert_eq!(after[0].name.as_deref(), Some("Ana Example"), "what was not mentioned stays");
    assert_eq!(after[0].crisp_people_ids, [ana]);
    let companies: Vec<_> = after[0].companies.iter().map(|company| company.external_id.as_str()).collect();
    assert_eq!(companies, ["c1", "c2"], "made because they were named, each once");
    assert_eq!(of_company(&world, "c1").await.len(), 1);
    assert_eq!(of_company(&world, "c2").await.len(), 1);
    // The company views follow the list; writing the same again changes nothing.
    put(&world, contact("k1", "ana@northwind.example", &["c2"])).await;
    assert!(of_company(&world, "c1").await.is_empty());
    let settled = view(&world, "ana@northwind.example").await;
    put(&world, contact("k1", "ana@northwind.example", &["c2"])).await;
    assert_eq!(view(&world, "ana@northwind.example").await, settled);
}

#[tokio::test]
async fn a_skipped_conversation_arrives_by_itself_and_costs_its_messages_only() {
    let world = empty_world().await;
    let change = world.crisp.change(world.website());
    change.start_conversation(NewConversation::by_email("Ben@Bücher.example"), "Hello");
    change.start_conversation(NewConversation::by_email("eve@elsewhere.example"), "Hello");
    let id = world.imported().await;
    assert!(view(&world, "ben@bücher.example").await.is_empty());
    world.crisp.forget_requests();
    let ben = put(&world, contact("k2", "ben@xn--bcher-kva.example", &["c1"])).await;
    let shown = of_company(&world, "c1").await;
    assert_eq!(
        (shown.len(), shown[0].contact_id, shown[0].matched_by.as_deref()),
        (1, ben.id, Some("email"))
    );
    world.work_until(async || of_company(&world, "c1").await[0].message_count == 1).await;
    assert_eq!(world.crisp.requests().total, 1, "{:?}", world.crisp.requests());

    // It follows the address away again.
    let moved =
        ContactChange { email: Field::Set("ben@new.example".to_owned()), ..contact("k2", "", &["c1"]) };
    put(&world, moved).await;
    assert!(of_company(&world, "c1").await.is_empty());
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    assert_eq!(crisp_storage::views::skipped::count(&mut session, id).await.unwrap().no_match, 2);
}

#[tokio::test]
async fn what_was_edited_by_hand_is_kept_unless_crisp_says_otherwise() {
    let world = empty_world().await;
    let change = world.crisp.change(world.website());
    let mut ana = NewPerson::named("Ana Example", "ana@northwind.example");
    ana.job_title = Some("Buyer".to_owned());
    let people_id = change.create_person(ana);
    let id = world.imported().await;
    let attributes = json!({"job_title": "Head of Buying", "tier": "gold"}).as_object().unwrap().clone();
    let edited =
        ContactChange { attributes: Field::Set(attributes), ..contact("k1", "ana@northwind.example", &[]) };
    put(&world, edited).await;
    // Crisp no longer says a job title: the edited one stays. It says a new name: that is taken.
    let update = testkit::simulator::PersonUpdate {
        job_title: Some(String::new()),
        nickname: Some("Ana E.".to_owned()),
        ..testkit::simulator::PersonUpdate::default()
    };
    change.update_person(&people_id, update).unwrap();
    world.sync(id, SyncKind::Full).await;
    let ana = view(&world, "ana@northwind.example").await.remove(0);
    assert_eq!(ana.name.as_deref(), Some("Ana E."));
    assert_eq!(
        (&ana.attributes["job_title"], &ana.attributes["tier"]),
        (&json!("Head of Buying"), &json!("gold"))
    );
}

#[tokio::test]
async fn a_batch_is_all_or_nothing_and_names_what_is_wrong() {
    let world = empty_world().await;
    let batch = Batch {
        companies: vec![CompanyChange {
            external_id: "c1".to_owned(),
            name: Field::Set("Northwind".to_owned()),
        }],
        contacts: vec![contact("k1", "ana@northwind.example", &["c1"]), contact("k2", "no address", &["c1"])],
    };
    let refused = directory::batch(&world.engine, world.account, ACTOR, batch.clone()).await;
    let Err(Refusal::Invalid(errors)) = refused else { panic!("{refused:?}") };
    assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["contacts[1].email"]);
    assert!(view(&world, "ana@northwind.example").await.is_empty());

    let mut good = batch;
    good.contacts[1].email = Field::Set("ana@northwind.example".to_owned());
    let written = directory::batch(&world.engine, world.account, ACTOR, good).await.unwrap();
    assert_eq!((written.companies.len(), written.contacts.len()), (1, 2));
    let both = view(&world, "ana@northwind.example").await;
    assert_eq!(both.len(), 2, "two contacts may share an address");
    assert!(both.iter().all(|one| one.companies[0].name.as_deref() == Some("Northwind")));
    let cleared = CompanyChange { external_id: "c1".to_owned(), name: Field::Clear };
    assert_eq!(
        directory::put_company(&world.engine, world.account, ACTOR, cleared).await.unwrap().name,
        None
    );
}

#[tokio::test]
async fn a_thousand_rows_are_one_write() {
    let world = World::of(Options::of_size(400, 200)).await;
    world.imported().await;
    let directory = world.crisp.directory(world.website());
    let companies: Vec<CompanyChange> = directory
        .companies()
        .map(|company| CompanyChange { external_id: company.external_id, name: Field::Set(company.name) })
        .collect();
    let members = directory.members().take(1_000 - companies.len()).enumerate();
    let contacts: Vec<ContactChange> = members
        .map(|(n, member)| contact(&format!("k{n}"), &member.email, &[&member.company_external_id]))
        .collect();
    let sent = contacts.len();
    let batch = Batch { companies, contacts };
    let written = directory::batch(&world.engine, world.account, ACTOR, batch).await.unwrap();
    assert_eq!(written.contacts.len(), sent);
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    let all = contacts::list(&mut session, &Filter::default(), None, 500).await.unwrap();
    assert_eq!(all.len(), 400, "every one was adopted");
}

//! A person goes, and stays away until the directory adds them again.

use crisp_domain::EmailKey;
use crisp_storage::views::contacts::{self, Filter};
use crisp_sync::directory::{self, ContactChange, Field};
use crisp_sync::syncs::SyncKind;
use crisp_sync::{Refusal, connect, erase, settings};
use testkit::simulator::{Links, NewConversation, NewPerson, Options, WebsiteOptions};

use crate::world::{ACTOR, World};

const ANA: &str = "ana@northwind.example";

async fn known(world: &World) -> usize {
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    let filter = Filter { email: EmailKey::parse(ANA), ..Filter::default() };
    contacts::list(&mut session, &filter, None, 10).await.unwrap().len()
}

#[tokio::test]
async fn an_erased_person_comes_back_by_the_directory_only() {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(0, 0).links(Links::none())], ..Options::default() };
    let world = World::of(options).await;
    let change = world.crisp.change(world.website());
    let ana = change.create_person(NewPerson::named("Ana Example", ANA));
    change.start_conversation(NewConversation::by_people_id(&ana), "Hello");
    let id = world.imported().await;
    assert_eq!(known(&world).await, 1);

    let nobody = erase::person(&world.engine, world.account, ACTOR, "no address").await;
    assert!(matches!(nobody, Err(Refusal::Invalid(_))));
    let receipt =
        erase::person(&world.engine, world.account, ACTOR, " Ana@Northwind.EXAMPLE ").await.unwrap();
    assert_eq!((receipt.contacts, receipt.profiles, receipt.conversations, receipt.messages), (1, 1, 1, 1));
    world.sync(id, SyncKind::Full).await;
    assert_eq!(known(&world).await, 0);

    let back = ContactChange {
        external_id: "k1".to_owned(),
        email: Field::Set(ANA.to_owned()),
        ..ContactChange::default()
    };
    directory::put_contact(&world.engine, world.account, ACTOR, back).await.unwrap();
    world.sync(id, SyncKind::Full).await;
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    let filter = Filter { email: EmailKey::parse(ANA), ..Filter::default() };
    let people = contacts::list(&mut session, &filter, None, 10).await.unwrap();
    assert_eq!((people.len(), &people[0].crisp_people_ids), (1, &vec![ana]));
    session.commit().await.unwrap();

    let log = world.log().await;
    let told: Vec<_> = log.iter().filter(|entry| entry.action.starts_with("person.")).collect();
    assert_eq!(
        told.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(),
        ["person.erased", "person.readmitted"]
    );
    assert!(
        told.iter().all(|entry| !entry.detail.to_string().contains("northwind")),
        "no address in the log"
    );
}

/// The address stands in no field that every profile has; the mapping makes it one.
#[tokio::test]
async fn an_address_that_only_the_mapping_knows_is_kept_away_too() {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(0, 0).links(Links::none())], ..Options::default() };
    let world = World::of(options).await;
    let change = world.crisp.change(world.website());
    let data = serde_json::json!({"work_email": ANA}).as_object().unwrap().clone();
    let person =
        || NewPerson { nickname: Some("Ana".to_owned()), data: data.clone(), ..NewPerson::default() };
    let first = change.create_person(person());
    let id = world.connected().await;
    world.sync(id, SyncKind::Full).await;
    erase::person(&world.engine, world.account, ACTOR, ANA).await.unwrap();
    let mapped = |from: &str| {
        let mut settings = serde_json::to_value(crisp_domain::ImportSettings::default()).unwrap();
        settings["mapping"] = serde_json::json!([{"from": from, "to": "email", "policy": "overwrite"}]);
        settings
    };
    // Stored before the mapping looked at it, and read anew after.
    let settings = mapped("data.work_email");
    settings::put(&world.engine, world.account, id, ACTOR, settings).await.unwrap();
    let second = change.create_person(person());
    world.sync(id, SyncKind::Full).await;
    world
        .work_until(async || {
            let row = world.integration(id).await;
            row.settings_revision == row.applied_revision
        })
        .await;
    assert_eq!(known(&world).await, 0);
    let dump = world.dump().await;
    for trace in [ANA, &first, &second] {
        assert!(!dump.contains(&trace.to_lowercase()), "{trace} is in\n{dump}");
    }
}

#[tokio::test]
async fn a_contact_of_the_directory_keeps_nothing_that_an_erased_profile_or_a_purged_import_said() {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(0, 0).links(Links::none())], ..Options::default() };
    let world = World::of(options).await;
    let change = world.crisp.change(world.website());
    let person = |name: &str, email: &str| NewPerson {
        job_title: Some(format!("{name} the Captain")),
        ..NewPerson::named(name, email)
    };
    let ana = change.create_person(person("Ana", ANA));
    change.create_person(person("Ben", "ben@northwind.example"));
    for (external_id, email) in [("k1", ANA), ("k2", "ben@northwind.example")] {
        let row = ContactChange {
            external_id: external_id.to_owned(),
            email: Field::Set(email.to_owned()),
            phone: Field::Set("+33 1 23 45 67 89".to_owned()),
            ..ContactChange::default()
        };
        directory::put_contact(&world.engine, world.account, ACTOR, row).await.unwrap();
    }
    let id = world.imported().await;
    assert!(world.dump().await.contains("ana the captain"));
    // Her address in the directory is another one by now; the profile still has the old one.
    let moved = ContactChange {
        external_id: "k1".to_owned(),
        email: Field::Set("moved@northwind.example".to_owned()),
        ..ContactChange::default()
    };
    directory::put_contact(&world.engine, world.account, ACTOR, moved).await.unwrap();
    erase::person(&world.engine, world.account, ACTOR, ANA).await.unwrap();
    let dump = world.dump().await;
    for trace in ["ana the captain", ANA, &ana] {
        assert!(!dump.contains(&trace.to_lowercase()), "{trace} is in\n{dump}");
    }
    assert!(dump.contains("moved@northwind.example") && dump.contains("ben the captain"));

    connect::disconnect(&world.engine, world.account, id, ACTOR, connect::Imported::Purge).await.unwrap();
    world.work_until(async || world.integration(id).await.purge_requested_at.is_none()).await;
    let dump = world.dump().await;
    assert!(!dump.contains("captain"), "{dump}");
    assert!(
        dump.contains("ben@northwind.example") && dump.contains("+33 1 23 45 67 89"),
        "the directory's own"
    );
    assert!(world.actions().await.contains(&"integration.purged".to_owned()));
}

/// Crisp still lists them, and before an import nothing is stored: what is shown then comes from Crisp itself.
#[tokio::test]
async fn an_erased_person_is_not_shown_in_a_preview_nor_among_the_examples_of_fields() {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(0, 0).links(Links::none())], ..Options::default() };
    let world = World::of(options).await;
    let change = world.crisp.change(world.website());
    change.create_person(NewPerson::named("Ana Example", ANA));
    change.create_person(NewPerson::named("Ben Example", "ben@northwind.example"));
    let id = world.connected().await;
    let shown = async || {
        let saved = settings::get(&world.engine, world.account, id).await.unwrap();
        let form = serde_json::to_value(saved).unwrap();
        let preview = settings::preview(&world.engine, world.account, id, form).await.unwrap();
        let names: Vec<String> = preview.into_iter().filter_map(|one| one.after.name).collect();
        let fields = settings::source_fields(&world.engine, world.account, id).await.unwrap();
        (names, serde_json::to_string(&fields).unwrap())
    };
    let (names, fields) = shown().await;
    assert!(names.contains(&"Ana Example".to_owned()) && fields.contains(ANA), "{names:?}");
    // What was shown is still kept for whoever goes on editing.
    erase::person(&world.engine, world.account, ACTOR, ANA).await.unwrap();
    let (names, fields) = shown().await;
    assert_eq!(names, ["Ben Example"]);
    assert!(!fields.contains(ANA) && !fields.contains("Ana Example"), "{fields}");
}

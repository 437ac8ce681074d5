//! A person goes, and stays away until the directory adds them again.

use crisp_domain::EmailKey;
use crisp_storage::views::contacts::{self, Filter};
use crisp_sync::directory::{self, ContactChange, Field};
use crisp_sync::syncs::SyncKind;
use crisp_sync::{Refusal, erase};
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

//! Answers of Crisp that are odd, partly missing or wrong for a while: what can be read arrives, the rest is listed.

use crisp_domain::IntegrationId;
use crisp_storage::views::skipped::{self, Reason};
use crisp_sync::settings;
use crisp_sync::syncs::SyncKind;
use serde_json::json;
use testkit::simulator::{Fault, FaultRule, Kind, ListEnd, Options};

use crate::world::{ACTOR, World};

/// What is listed as unreadable: name and reason.
async fn unreadable(world: &World, id: IntegrationId) -> Vec<(String, String)> {
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    let filter = skipped::Filter { reason: Some(Reason::Unreadable), ..skipped::Filter::default() };
    let listed = skipped::list(&mut session, id, &filter, None, 200).await.unwrap();
    session.commit().await.unwrap();
    listed.into_iter().map(|one| (one.external_id, one.detail)).collect()
}

#[tokio::test]
async fn a_transcript_whose_beginning_crisp_does_not_give_is_listed_and_makes_the_run_partial() {
    let options = Options::of_size(20, 12).behaving(|behaviour| {
        behaviour.batch = 2;
        behaviour.messages_end = ListEnd::AlwaysMore;
        let ignored = ["timestamp_before", "timestamp_after"];
        behaviour.ignored_params = ignored.map(str::to_owned).into();
    });
    let world = World::of(options).await;
    let id = world.connected().await;
    let run = world.sync(id, SyncKind::Full).await;
    assert_eq!(run.state, "partial");
    let listed = unreadable(&world, id).await;
    assert!(!listed.is_empty() && run.messages_failed > 0, "{run:?}");
    for (name, detail) in &listed {
        assert!(name.starts_with("session_") && detail.contains("cannot be reached"), "{name}: {detail}");
    }
    // Crisp gives it: a run that reads everything again takes it off the list.
    world.crisp.behave(|behaviour| {
        behaviour.messages_end = ListEnd::Exact;
        behaviour.ignored_params.clear();
    });
    let again = crisp_sync::syncs::Messages::All;
    let sync = crisp_sync::syncs::trigger(&world.engine, world.account, id, ACTOR, SyncKind::Full, again);
    let sync = sync.await.unwrap().sync_id();
    let state = async || crisp_sync::syncs::get(&world.engine, world.account, sync).await.unwrap().state;
    world.work_until(async || state().await == "succeeded").await;
    assert_eq!(unreadable(&world, id).await, []);
}

#[tokio::test]
async fn one_persons_data_that_cannot_be_read_costs_nobody_else_anything() {
    let world = World::of(Options::of_size(12, 2)).await;
    let id = world.connected().await;
    let mapping = json!({"mapping": [{"from": "data.plan", "to": "attributes.plan", "policy": "overwrite"}]});
    settings::put(&world.engine, world.account, id, ACTOR, mapping).await.unwrap();
    let odd = world.crisp.truth(world.website()).people().next().unwrap().people_id;
    let refusal = Fault::Status { status: 400, reason: "invalid_data".to_owned() };
    world.crisp.behave(|behaviour| {
        behaviour.faults = vec![FaultRule::always(refusal).only(Kind::PeopleData).about(&odd)];
    });
    let run = world.sync(id, SyncKind::Full).await;
    assert_eq!((run.state.as_str(), run.people_created, run.people_failed), ("partial", 12, 1));
    let listed = unreadable(&world, id).await;
    assert_eq!(listed.iter().map(|(name, _)| name).collect::<Vec<_>>(), [&odd]);
    assert!(listed[0].1.contains("custom data"), "{listed:?}");
    world.crisp.behave(|behaviour| behaviour.faults.clear());
    assert_eq!(world.sync(id, SyncKind::Full).await.state, "succeeded");
    assert_eq!(unreadable(&world, id).await, []);
}

#[tokio::test]
async fn totals_and_names_of_operators_are_niceties() {
    let options = Options::of_size(12, 8).behaving(|behaviour| {
        let broken = |kind| FaultRule::always(Fault::Internal).only(kind);
        behaviour.faults = vec![broken(Kind::PeopleStats), broken(Kind::Operators)];
    });
    let world = World::of(options).await;
    let id = world.connected().await;
    let run = world.sync(id, SyncKind::Full).await;
    assert_eq!((run.state.as_str(), run.people_created, run.expected_people), ("succeeded", 12, None));
}

#[tokio::test]
async fn a_list_that_is_not_there_for_a_moment_is_asked_for_again() {
    let world = World::of(Options::of_size(12, 8)).await;
    let id = world.connected().await;
    world.crisp.behave(|behaviour| {
        behaviour.faults = vec![FaultRule::scripted(0, 2, Fault::NotFound).only(Kind::ConversationsPage)];
    });
    let run = world.sync(id, SyncKind::Full).await;
    assert_eq!((run.state.as_str(), run.conversations_read), ("succeeded", 8));
    assert_eq!(world.integration(id).await.state, "active");
}

#[tokio::test]
async fn fields_of_another_type_are_listed_and_nothing_counts_as_failed() {
    let options = Options::of_size(80, 60).seed(5).each_website(|mut website| {
        website.oddities = 0.9;
        website
    });
    let world = World::of(options).await;
    let id = world.connected().await;
    let run = world.sync(id, SyncKind::Full).await;
    assert_eq!((run.state.as_str(), run.people_failed + run.conversations_failed), ("succeeded", 0));
    let listed = unreadable(&world, id).await;
    assert!(listed.iter().any(|(_, detail)| detail.contains("is expected")), "{listed:?}");
}

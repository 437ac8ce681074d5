//! The help page's checks.

use crisp_sync::diagnosis::{self, CheckState};
use testkit::simulator::Options;

use crate::world::World;

async fn unwell(world: &World, id: crisp_domain::IntegrationId) -> Vec<(&'static str, CheckState)> {
    let checks = diagnosis::diagnosis(&world.engine, world.account, id).await.unwrap();
    assert_eq!(checks.len(), 10);
    checks
        .into_iter()
        .filter(|check| check.state != CheckState::Ok)
        .map(|check| (check.code, check.state))
        .collect()
}

#[tokio::test]
async fn the_checks_find_what_is_wrong_and_nothing_else() {
    let world = World::with_quota(Options::of_size(60, 30), Some(5_000)).await;
    let id = world.connected().await;
    let codes: Vec<_> = unwell(&world, id).await.into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["contact_exists", "integration_active", "realtime", "incremental"]);
    world.sync(id, crisp_sync::syncs::SyncKind::Full).await;
    world.crisp.forget_requests();
    assert_eq!(unwell(&world, id).await, []);
    assert_eq!(world.crisp.requests().total, 4);

    world.crisp.change(world.website()).uninstall();
    let found = unwell(&world, id).await;
    assert_eq!(found[0], ("plugin_installed", CheckState::Failed));
    world.crisp.change(world.website()).install();
    world.crisp.set_plugin(|plugin| plugin.key = "b4".repeat(32));
    assert!(unwell(&world, id).await.contains(&("credential", CheckState::Failed)));
}

#[tokio::test]
async fn a_missing_scope_is_told() {
    let world = World::of(Options::of_size(5, 5)).await;
    let id = world.imported().await;
    world.crisp.behave(|behaviour| {
        behaviour.missing_scopes.insert("website:conversation:sessions".to_owned());
    });
    assert_eq!(unwell(&world, id).await, [("conversations_enabled", CheckState::Failed)]);
}

#[tokio::test]
async fn nothing_is_asked_about_a_website_that_is_not_held_any_more() {
    let world = World::of(Options::of_size(5, 5)).await;
    let id = world.imported().await;
    let keep = crisp_sync::connect::Imported::Keep;
    crisp_sync::connect::disconnect(&world.engine, world.account, id, crate::world::ACTOR, keep)
        .await
        .unwrap();
    world.crisp.forget_requests();
    let found = unwell(&world, id).await;
    assert_eq!(found[0], ("plugin_installed", CheckState::Failed));
    assert_eq!(world.crisp.requests().about(world.website()), 0);
}

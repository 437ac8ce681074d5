//! What a person has to act upon: noticed, said, and gone again once it is mended.

use crisp_sync::connect;
use crisp_sync::syncs::SyncKind;
use crisp_sync::{Attention, Refusal};
use testkit::simulator::Options;

use crate::connecting::{come_back, payload, put, token};
use crate::world::{ACTOR, World};

#[tokio::test]
async fn an_uninstalled_plugin_is_noticed_by_the_next_sync_and_said() {
    let world = World::of(Options::of_size(20, 10)).await;
    let id = world.imported().await;
    world.crisp.change(world.website()).uninstall();
    let sync = world.sync(id, SyncKind::Incremental).await;
    assert!(["cancelled", "failed"].contains(&sync.state.as_str()), "{}", sync.state);
    assert_eq!(sync.problem_code.as_deref(), Some("plugin_uninstalled"));
    let row = world.integration(id).await;
    let problem = connect::problem(&row).unwrap();
    assert_eq!(
        (row.state.as_str(), problem.code),
        ("needs_attention", Attention::PluginUninstalled.to_string())
    );
    assert!(!problem.detail.is_empty() && !problem.what_to_do.is_empty());
    assert_eq!(world.engine.database().find_claim(world.website().into()).await.unwrap(), None);
    // Installed again by the link: it goes on where it was.
    let refused = put(&world, world.account, id, &world.website().to_string()).await;
    assert!(matches!(refused, Err(Refusal::PluginNotInstalled { .. })));
    world.crisp.change(world.website()).install();
    let link = payload(&world, &row, ACTOR).await;
    let back = come_back(&world, &link, &token(&world)).await.unwrap();
    assert_eq!((back.state.as_str(), connect::problem(&back)), ("active", None));
}

#[tokio::test]
async fn a_mended_credential_is_noticed_as_soon_as_somebody_says_look_again() {
    let world = World::of(Options::of_size(3, 3)).await;
    let id = world.imported().await;
    let key = world.crisp.plugin().key;
    world.crisp.set_plugin(|plugin| plugin.key = "b4".repeat(32));
    world.sync(id, SyncKind::Incremental).await;
    assert_eq!(world.integration(id).await.problem_code.as_deref(), Some("credential_rejected"));
    world.crisp.set_plugin(|plugin| plugin.key = key);
    assert_eq!(connect::look_again(world.engine.database()).await.unwrap(), 1);
    world.work_until(async || world.integration(id).await.state == "active").await;
    assert_eq!(connect::look_again(world.engine.database()).await.unwrap(), 0);
}

#[tokio::test]
async fn who_triggers_a_sync_or_runs_the_checks_has_crisp_asked_again_at_once() {
    for asks in ["a sync", "the checks"] {
        let world = World::of(Options::of_size(3, 3)).await;
        let id = world.imported().await;
        let key = world.crisp.plugin().key;
        world.crisp.set_plugin(|plugin| plugin.key = "b4".repeat(32));
        world.sync(id, SyncKind::Incremental).await;
        // The lane has been looked at and waits for some minutes.
        world.work_until(async || world.integration(id).await.state == "needs_attention").await;
        world.crisp.set_plugin(|plugin| plugin.key = key);
        if asks == "a sync" {
            let messages = crisp_sync::syncs::Messages::WhereNew;
            let kind = SyncKind::Incremental;
            let answer =
                crisp_sync::syncs::trigger(&world.engine, world.account, id, ACTOR, kind, messages).await;
            assert!(matches!(answer, Err(Refusal::NeedsAttention)), "{answer:?}");
        } else {
            crisp_sync::diagnosis::diagnosis(&world.engine, world.account, id).await.unwrap();
        }
        world.work_until(async || world.integration(id).await.state == "active").await;
    }
}

//! A website is connected by proof only, and let go of.

use crisp_domain::{AccountId, IntegrationId};
use crisp_storage::integrations::IntegrationRow;
use crisp_sync::Refusal;
use crisp_sync::connect::{self, Imported, Visitor};
use crisp_sync::syncs::SyncKind;
use secrecy::SecretString;
use serde_json::json;
use testkit::simulator::{Fault, FaultRule, Kind, Options, RetryAfter, WebsiteOptions};
use uuid::Uuid;

use crate::world::{ACTOR, World, now};

async fn draft(world: &World, account: AccountId) -> IntegrationRow {
    connect::create(&world.engine, account, ACTOR, None).await.unwrap().row
}

/// The payload of the install link that `user` sees.
pub(crate) async fn payload(world: &World, row: &IntegrationRow, user: &str) -> String {
    let account = AccountId::new(row.account_id);
    let link = connect::install_link(&world.engine, account, row.integration_id(), user).await.unwrap();
    link.as_str().split_once("payload=").unwrap().1.to_owned()
}

/// Comes back from Crisp with this payload and token.
pub(crate) async fn come_back(world: &World, payload: &str, token: &str) -> Result<IntegrationRow, Refusal> {
    let website = world.website().to_string();
    connect::callback(&world.engine, payload, &website, &SecretString::from(token), None).await
}

pub(crate) async fn put(
    world: &World,
    account: AccountId,
    id: IntegrationId,
    website: &str,
) -> Result<IntegrationRow, Refusal> {
    connect::put_website(&world.engine, account, id, ACTOR, website).await
}

async fn disconnect(world: &World, id: IntegrationId, imported: Imported) {
    connect::disconnect(&world.engine, world.account, id, ACTOR, imported).await.unwrap();
}

pub(crate) fn token(world: &World) -> String {
    world.crisp.truth(world.website()).token()
}

#[tokio::test]
async fn an_installation_connects_the_website_it_was_made_on() {
    let world = World::of(Options::of_size(5, 5)).await;
    let row = draft(&world, world.account).await;
    assert_eq!((row.state.as_str(), row.website_id), ("awaiting_installation", None));
    let link = payload(&world, &row, ACTOR).await;
    let connected = come_back(&world, &link, &token(&world)).await.unwrap();
    assert_eq!((connected.state.as_str(), connected.website_id), ("connected", Some(world.website())));
    assert_eq!(connected.website_name.as_deref(), Some("Custify Demo Support"));
    let stored = world.integration(row.integration_id()).await;
    assert_eq!(stored, connected);
    let sealed = stored.website_token.unwrap();
    assert!(!sealed.windows(8).any(|part| token(&world).as_bytes().windows(8).any(|other| other == part)));
    assert_eq!(world.actions().await, ["integration.created", "integration.connected"]);
    let proof = &world.log().await[1];
    assert_eq!((proof.actor.as_str(), &proof.detail["proof"]), (ACTOR, &json!("callback")));
}

#[tokio::test]
async fn a_short_pause_of_crisps_is_no_error_for_whoever_connects() {
    for (status, retry_after) in [(429, RetryAfter::Seconds(2)), (420, RetryAfter::Absent)] {
        let world = World::of(Options::of_size(5, 5)).await;
        let row = draft(&world, world.account).await;
        let link = payload(&world, &row, ACTOR).await;
        let limited = FaultRule::scripted(0, 1, Fault::Limited { status, retry_after });
        world.crisp.behave(|behaviour| behaviour.faults = vec![limited]);
        let connected = come_back(&world, &link, &token(&world)).await.unwrap();
        assert_eq!(connected.state, "connected", "{status} {retry_after:?}");
    }
}

#[tokio::test]
async fn a_link_works_once_for_its_user_and_with_the_right_token() {
    let world = World::of(Options::of_size(1, 1)).await;
    let row = draft(&world, world.account).await;
    let first = payload(&world, &row, ACTOR).await;
    // Somebody else's browser.
    let (website, right) = (world.website().to_string(), SecretString::from(token(&world)));
    for stranger in [
        Visitor { account: world.account, user: "eve" },
        Visitor { account: AccountId::new_v7(now()), user: ACTOR },
    ] {
        let refused = connect::callback(&world.engine, &first, &website, &right, Some(stranger)).await;
        assert!(matches!(refused, Err(Refusal::InstallLinkInvalid)));
    }
    // One wrong guess spends the link.
    assert!(matches!(come_back(&world, &first, "a guess").await, Err(Refusal::OwnershipUnproven)));
    assert!(matches!(come_back(&world, &first, &token(&world)).await, Err(Refusal::InstallLinkInvalid)));
    let second = payload(&world, &row, ACTOR).await;
    assert_ne!(first, second);
    come_back(&world, &second, &token(&world)).await.unwrap();
    assert!(matches!(come_back(&world, &second, &token(&world)).await, Err(Refusal::InstallLinkInvalid)));
    assert!(matches!(come_back(&world, "nonsense", &token(&world)).await, Err(Refusal::InstallLinkInvalid)));
}

#[tokio::test]
async fn a_typed_id_alone_gains_nothing_and_the_connection_code_proves_it() {
    let world = World::of(Options::of_size(1, 1)).await;
    let row = draft(&world, world.account).await;
    let (id, website) = (row.integration_id(), world.website().to_string());
    assert!(matches!(put(&world, world.account, id, "northwind").await, Err(Refusal::WebsiteIdInvalid)));
    assert!(matches!(put(&world, world.account, id, &website).await, Err(Refusal::OwnershipUnproven)));
    world.crisp.change(world.website()).set_settings(&json!({"custify_connection_code": "custify-guess"}));
    assert!(matches!(put(&world, world.account, id, &website).await, Err(Refusal::OwnershipUnproven)));
    world
        .crisp
        .change(world.website())
        .set_settings(&json!({"custify_connection_code": row.connection_code}));
    let pasted = format!(" https://app.crisp.chat/website/{}/inbox/ ", website.to_uppercase());
    assert_eq!(put(&world, world.account, id, &pasted).await.unwrap().state, "connected");
    // Again: nothing to ask, nothing to change.
    world.crisp.forget_requests();
    assert_eq!(put(&world, world.account, id, &website).await.unwrap().state, "connected");
    assert_eq!(world.crisp.requests().total, 0);
    assert_eq!(world.actions().await, ["integration.created", "integration.connected"]);
}

#[tokio::test]
async fn a_website_proven_through_one_integration_can_be_given_to_a_new_one_at_once() {
    let world = World::of(Options::of_size(1, 1)).await;
    let id = world.connected().await;
    let website = world.website().to_string();
    let taken = connect::create(&world.engine, world.account, ACTOR, Some(&website)).await;
    assert!(matches!(taken, Err(Refusal::WebsiteAlreadyConnected)));
    disconnect(&world, id, Imported::Keep).await;
    let made = connect::create(&world.engine, world.account, ACTOR, Some(&website)).await.unwrap();
    assert_eq!((made.row.state.as_str(), made.problem), ("connected", None));
    // The one that was refused left no draft.
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    assert_eq!(crisp_storage::integrations::list(&mut session).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_earlier_callback_through_another_integration_proves_a_typed_id() {
    let world = World::of(Options::of_size(1, 1)).await;
    let first = draft(&world, world.account).await;
    let link = payload(&world, &first, ACTOR).await;
    come_back(&world, &link, &token(&world)).await.unwrap();
    disconnect(&world, first.integration_id(), Imported::Keep).await;
    let second = draft(&world, world.account).await;
    let website = world.website().to_string();
    let row = put(&world, world.account, second.integration_id(), &website).await.unwrap();
    assert_eq!(row.state, "connected");
    let log = world.log().await;
    let connected = log.iter().rfind(|entry| entry.action == "integration.connected").unwrap();
    assert_eq!(connected.detail["proof"], "earlier_callback");
    // Of another account it proves nothing.
    disconnect(&world, second.integration_id(), Imported::Keep).await;
    let other = AccountId::new_v7(now());
    let theirs = draft(&world, other).await;
    let refused = put(&world, other, theirs.integration_id(), &website).await;
    assert!(matches!(refused, Err(Refusal::OwnershipUnproven)));
}

#[tokio::test]
async fn a_plugin_that_is_not_installed_is_said_with_the_link() {
    let options =
        Options { websites: vec![WebsiteOptions::of_size(1, 1).not_installed()], ..Options::default() };
    let world = World::of(options).await;
    let row = draft(&world, world.account).await;
    let refused = put(&world, world.account, row.integration_id(), &world.website().to_string()).await;
    let Err(Refusal::PluginNotInstalled { install_link }) = refused else { panic!("{refused:?}") };
    assert!(install_link.as_str().contains("payload="));
    let unknown = put(&world, world.account, row.integration_id(), &Uuid::new_v4().to_string()).await;
    assert!(matches!(unknown, Err(Refusal::PluginNotInstalled { .. })));
    world.crisp.behave(|behaviour| {
        behaviour.faults = vec![FaultRule::by_chance(1.0, Fault::Internal)];
    });
    let away = put(&world, world.account, row.integration_id(), &world.website().to_string()).await;
    assert!(matches!(away, Err(Refusal::CrispUnavailable(_))));
}

#[tokio::test]
async fn a_claimed_website_is_nobody_elses_and_moves_only_with_a_fresh_proof() {
    let world = World::of(Options::of_size(1, 1)).await;
    let mine = world.connected().await;
    let other = AccountId::new_v7(now());
    let theirs = draft(&world, other).await;
    let website = world.website().to_string();
    // Even with proof: whoever was first holds it.
    let link = payload(&world, &theirs, ACTOR).await;
    assert!(matches!(come_back(&world, &link, &token(&world)).await, Err(Refusal::WebsiteAlreadyConnected)));
    // And without: that it is connected is said before anything is said of proofs.
    let unproven = put(&world, other, theirs.integration_id(), &website).await;
    assert!(matches!(unproven, Err(Refusal::WebsiteAlreadyConnected)));
    disconnect(&world, mine, Imported::Keep).await;
    assert!(matches!(
        put(&world, other, theirs.integration_id(), &website).await,
        Err(Refusal::OwnershipUnproven)
    ));
    world
        .crisp
        .change(world.website())
        .set_settings(&json!({"custify_connection_code": theirs.connection_code}));
    assert_eq!(put(&world, other, theirs.integration_id(), &website).await.unwrap().state, "connected");
    // And nobody reaches another account's integration.
    assert!(matches!(
        put(&world, world.account, theirs.integration_id(), &website).await,
        Err(Refusal::NotFound)
    ));
    let gone =
        connect::disconnect(&world.engine, world.account, theirs.integration_id(), ACTOR, Imported::Purge)
            .await;
    assert!(matches!(gone, Err(Refusal::NotFound)));
}

#[tokio::test]
async fn a_disconnect_keeps_what_was_imported_and_the_website_can_come_back() {
    let world = World::of(Options::of_size(20, 10)).await;
    let id = world.imported().await;
    disconnect(&world, id, Imported::Keep).await;
    disconnect(&world, id, Imported::Keep).await;
    let row = world.integration(id).await;
    assert_eq!(
        (row.state.as_str(), row.disconnect_reason.as_deref()),
        ("disconnected", Some("disconnected_by_user"))
    );
    assert_eq!((row.website_token, row.next_incremental_at), (None, None));
    assert_eq!(world.engine.database().find_claim(world.website().into()).await.unwrap(), None);
    let again = put(&world, world.account, id, &world.website().to_string()).await.unwrap();
    assert_eq!(again.state, "active");
    assert!(again.next_incremental_at.is_some() && again.disconnected_at.is_none());
    let disconnects =
        world.actions().await.iter().filter(|action| *action == "integration.disconnected").count();
    assert_eq!(disconnects, 1);
}

#[tokio::test]
async fn a_purge_leaves_nothing_and_the_integration_begins_anew() {
    let world = World::of(Options::of_size(20, 10)).await;
    let id = world.imported().await;
    disconnect(&world, id, Imported::Keep).await;
    disconnect(&world, id, Imported::Purge).await;
    disconnect(&world, id, Imported::Purge).await;
    let early = put(&world, world.account, id, &world.website().to_string()).await;
    assert!(matches!(early, Err(Refusal::PurgeUnderWay)));
    world.work_until(async || world.integration(id).await.purge_requested_at.is_none()).await;
    let mut session = world.engine.database().read_primary(world.account).await.unwrap();
    assert_eq!(crisp_storage::profiles::count(&mut session, id).await.unwrap(), 0);
    let all = crisp_storage::views::contacts::Filter::default();
    assert!(crisp_storage::views::contacts::list(&mut session, &all, None, 10).await.unwrap().is_empty());
    session.commit().await.unwrap();
    let again = put(&world, world.account, id, &world.website().to_string()).await.unwrap();
    assert_eq!(
        (again.state.as_str(), again.active_at, again.conversations_bookmark),
        ("connected", None, None)
    );
    assert_eq!(world.sync(id, SyncKind::Full).await.trigger, "first_import");
}

#[tokio::test]
async fn one_integration_has_one_website() {
    let options = Options::of_size(1, 1).website(WebsiteOptions::of_size(1, 1));
    let world = World::of(options).await;
    let id = world.connected().await;
    disconnect(&world, id, Imported::Keep).await;
    let second = world.crisp.website_ids()[1];
    assert!(matches!(put(&world, world.account, id, &second.to_string()).await, Err(Refusal::OtherWebsite)));
    assert_eq!(world.crisp.requests().about(second), 0);
    assert_eq!(world.crisp.requests().of(Kind::Write), 0);
}

#[tokio::test]
async fn an_earlier_proof_ends_with_an_uninstall_and_once_somebody_else_has_proven_the_website() {
    let world = World::of(Options::of_size(1, 1)).await;
    let website = world.website().to_string();
    let row = draft(&world, world.account).await;
    let id = row.integration_id();
    let link = payload(&world, &row, ACTOR).await;
    come_back(&world, &link, &token(&world)).await.unwrap();
    disconnect(&world, id, Imported::Keep).await;
    assert_eq!(put(&world, world.account, id, &website).await.unwrap().state, "connected", "undone in time");

    // Uninstalled and installed again, perhaps by others.
    world.crisp.change(world.website()).uninstall();
    world.sync(id, SyncKind::Full).await;
    assert_eq!(world.integration(id).await.disconnect_reason.as_deref(), Some("plugin_uninstalled"));
    world.crisp.change(world.website()).install();
    assert!(matches!(put(&world, world.account, id, &website).await, Err(Refusal::OwnershipUnproven)));
    let at_once = connect::create(&world.engine, world.account, ACTOR, Some(&website)).await.unwrap();
    let problem = at_once.problem.map(|problem| problem.code);
    assert_eq!(problem.as_deref(), Some("ownership_unproven"), "nor through another integration");
    assert_eq!(at_once.row.state, "awaiting_installation");

    let link = payload(&world, &row, ACTOR).await;
    come_back(&world, &link, &token(&world)).await.unwrap();
    disconnect(&world, id, Imported::Keep).await;
    let other = AccountId::new_v7(now());
    let theirs = draft(&world, other).await;
    let link = payload(&world, &theirs, ACTOR).await;
    come_back(&world, &link, &token(&world)).await.unwrap();
    connect::disconnect(&world.engine, other, theirs.integration_id(), ACTOR, Imported::Keep).await.unwrap();
    assert!(matches!(put(&world, world.account, id, &website).await, Err(Refusal::OwnershipUnproven)));
}

#[tokio::test]
async fn an_earlier_proof_is_void_with_another_token_in_crisp_and_after_a_day() {
    let world = World::of(Options::of_size(1, 1)).await;
    let website = world.website().to_string();
    let row = draft(&world, world.account).await;
    let id = row.integration_id();
    let link = payload(&world, &row, ACTOR).await;
    come_back(&world, &link, &token(&world)).await.unwrap();
    disconnect(&world, id, Imported::Keep).await;
    let proven = world.integration(id).await;
    let change = async |change: fn(&mut IntegrationRow)| {
        let mut row = proven.clone();
        change(&mut row);
        let mut session = world.engine.database().write(world.account).await.unwrap();
        crisp_storage::integrations::save(&mut session, &row).await.unwrap();
        session.commit().await.unwrap();
    };
    let void: [fn(&mut IntegrationRow); 3] = [
        |row| row.proven_token_hash = Some(vec![7; 32]),
        |row| row.proven_token_hash = None,
        |row| row.disconnected_at = Some(now() - chrono::TimeDelta::hours(25)),
    ];
    for void in void {
        change(void).await;
        assert!(matches!(put(&world, world.account, id, &website).await, Err(Refusal::OwnershipUnproven)));
    }
    change(|row| row.disconnected_at = Some(now() - chrono::TimeDelta::hours(23))).await;
    assert_eq!(put(&world, world.account, id, &website).await.unwrap().state, "connected");
}

#[tokio::test]
async fn a_disconnect_while_crisp_is_asked_whether_all_is_well_again_stands() {
    let world = World::of(Options::of_size(1, 1)).await;
    let id = world.imported().await;
    let right = world.crisp.plugin().key;
    world.crisp.set_plugin(|plugin| plugin.key = "b4".repeat(32));
    world.sync(id, SyncKind::Incremental).await;
    assert_eq!(world.integration(id).await.state, "needs_attention");
    world.crisp.set_plugin(|plugin| plugin.key = right);
    world.crisp.behave(|behaviour| behaviour.latency_ms = 700);
    world.crisp.forget_requests();
    world.engine.database().signal(world.account, id, crisp_storage::work::Lane::Sync, now()).await.unwrap();
    let disconnected = tokio::sync::OnceCell::new();
    world
        .work_until(async || {
            if world.crisp.requests().total == 0 {
                return false;
            }
            disconnected.get_or_init(async || disconnect(&world, id, Imported::Keep).await).await;
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            true
        })
        .await;
    let row = world.integration(id).await;
    assert_eq!((row.state.as_str(), row.next_incremental_at), ("disconnected", None));
}

#[tokio::test]
async fn the_clicks_of_one_account_are_refused_before_they_spend_everybodys_requests() {
    let world = World::with_quota(Options::of_size(1, 1), Some(400)).await;
    let row = draft(&world, world.account).await;
    let mut tries = 0;
    let refused = loop {
        tries += 1;
        assert!(tries < 150, "never refused");
        let answer = put(&world, world.account, row.integration_id(), &Uuid::new_v4().to_string()).await;
        if let Err(Refusal::TooManyRequests { until }) = answer {
            break until;
        }
        assert!(matches!(answer, Err(Refusal::PluginNotInstalled { .. })), "{answer:?}");
    };
    assert!(refused > now() && tries > 90, "{tries}");
    let other = AccountId::new_v7(now());
    let theirs = draft(&world, other).await;
    let answer = put(&world, other, theirs.integration_id(), &Uuid::new_v4().to_string()).await;
    assert!(
        matches!(answer, Err(Refusal::PluginNotInstalled { .. })),
        "others still have theirs: {answer:?}"
    );
}

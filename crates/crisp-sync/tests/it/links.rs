//! An install link serves whom it was made for, once, for a day, and as it was made.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use crisp_domain::AccountId;
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_sync::Refusal;
use crisp_sync::connect;
use testkit::simulator::Options;

use crate::connecting::{come_back, payload, token};
use crate::world::{ACTOR, World, now};

async fn draft(world: &World, account: AccountId) -> IntegrationRow {
    connect::create(&world.engine, account, ACTOR, None).await.unwrap().row
}

async fn is_refused(world: &World, payload: &str) {
    let refused = come_back(world, payload, &token(world)).await;
    assert!(matches!(refused, Err(Refusal::InstallLinkInvalid)), "{payload}: {refused:?}");
}

/// Account, integration, user and code follow each other in the bytes: whichever is touched, nothing is connected, and
/// the link itself is none the worse for it.
#[tokio::test]
async fn a_payload_that_was_altered_anywhere_is_refused() {
    let world = World::of(Options::of_size(1, 1)).await;
    let row = draft(&world, world.account).await;
    let link = payload(&world, &row, ACTOR).await;
    let bytes = URL_SAFE_NO_PAD.decode(&link).unwrap();
    assert_eq!((&bytes[..16], &bytes[16..32]), (&row.account_id.as_bytes()[..], &row.id.as_bytes()[..]));
    world.crisp.forget_requests();
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        is_refused(&world, &URL_SAFE_NO_PAD.encode(altered)).await;
    }
    is_refused(&world, &URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 1])).await;
    assert_eq!(world.crisp.requests().total, 0, "Crisp is not asked for what is no link of ours");
    assert_eq!(come_back(&world, &link, &token(&world)).await.unwrap().state, "connected");
}

#[tokio::test]
async fn a_code_of_one_integration_does_not_serve_another_nor_another_account_nor_another_user() {
    let world = World::of(Options::of_size(1, 1)).await;
    let stranger = AccountId::new_v7(now());
    let (own, other, foreign) = (
        draft(&world, world.account).await,
        draft(&world, world.account).await,
        draft(&world, stranger).await,
    );
    let bytes = URL_SAFE_NO_PAD.decode(payload(&world, &own, ACTOR).await).unwrap();
    let with = |place: usize, part: &[u8]| {
        let mut spliced = bytes.clone();
        spliced[place..place + part.len()].copy_from_slice(part);
        URL_SAFE_NO_PAD.encode(spliced)
    };
    is_refused(&world, &with(16, other.id.as_bytes())).await;
    let foreign = [*foreign.account_id.as_bytes(), *foreign.id.as_bytes()].concat();
    is_refused(&world, &with(0, &foreign)).await;
    // The tag of the user, taken from a link that was made for them.
    let eves = URL_SAFE_NO_PAD.decode(payload(&world, &other, "eve").await).unwrap();
    is_refused(&world, &with(32, &eves[32..48])).await;
}

#[tokio::test]
async fn a_link_that_has_expired_is_refused_and_the_settings_page_shows_another() {
    let world = World::of(Options::of_size(1, 1)).await;
    let row = draft(&world, world.account).await;
    let old = payload(&world, &row, ACTOR).await;
    let mut session = world.engine.database().write(world.account).await.unwrap();
    let mut aged = integrations::get(&mut session, row.integration_id()).await.unwrap();
    aged.install_expires_at = Some(now() - TimeDelta::seconds(1));
    integrations::save(&mut session, &aged).await.unwrap();
    session.commit().await.unwrap();
    is_refused(&world, &old).await;
    let fresh = payload(&world, &row, ACTOR).await;
    assert_ne!(fresh, old);
    is_refused(&world, &old).await;
    assert_eq!(come_back(&world, &fresh, &token(&world)).await.unwrap().state, "connected");
    is_refused(&world, &fresh).await;
}

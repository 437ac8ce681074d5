use crisp_domain::ids::{AccountId, IntegrationId};
use crisp_storage::erasure::Trace;
use crisp_storage::secrets::{self, PluginCredentials, Rotation};
use crisp_storage::vault::{Key, KeyRing};
use crisp_storage::{Error, integrations};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::setting::{Setting, at, now};

fn ring(ids: &[&str]) -> KeyRing {
    let key = |id: &&str| Key {
        id: (*id).to_owned(),
        bytes: SecretBox::new(Box::new([id.len().try_into().unwrap(); 32])),
    };
    KeyRing::new(ids.iter().map(key).collect()).unwrap()
}

async fn set_token(setting: &Setting, account: AccountId, id: IntegrationId, ring: &KeyRing, token: &str) {
    let mut session = setting.database.write(account).await.unwrap();
    let mut row = integrations::get(&mut session, id).await.unwrap();
    row.website_token = Some(ring.seal_website_token(account, id, &SecretString::from(token)).unwrap());
    integrations::save(&mut session, &row).await.unwrap();
    session.commit().await.unwrap();
}

async fn token(
    setting: &Setting,
    account: AccountId,
    id: IntegrationId,
    ring: &KeyRing,
) -> Result<String, Error> {
    let mut session = setting.database.read(account).await?;
    let row = integrations::get(&mut session, id).await?;
    Ok(ring.open_website_token(account, id, &row.website_token.unwrap())?.expose_secret().to_owned())
}

#[tokio::test]
async fn secrets_come_back_as_stored_and_the_last_one_counts() {
    let (setting, ring) = (Setting::new().await, ring(&["k"]));
    let database = &setting.database;
    assert!(secrets::load_plugin_credentials(database, &ring).await.unwrap().is_none());
    assert!(secrets::load_hooks_secret(database, &ring).await.unwrap().is_none());
    for (time, key) in [(now(), "first"), (at(1), "second")] {
        let credentials = PluginCredentials { identifier: "plugin".to_owned(), key: SecretString::from(key) };
        assert!(!format!("{credentials:?}").contains("plugin"));
        secrets::store_plugin_credentials(database, &ring, &credentials, time).await.unwrap();
    }
    secrets::store_hooks_secret(database, &ring, &SecretString::from("hooks"), now()).await.unwrap();
    let stored = secrets::load_plugin_credentials(database, &ring).await.unwrap().unwrap();
    assert_eq!((stored.identifier.as_str(), stored.key.expose_secret()), ("plugin", "second"));
    assert_eq!(secrets::load_hooks_secret(database, &ring).await.unwrap().unwrap().expose_secret(), "hooks");
    let listed = secrets::list(database).await.unwrap();
    let listed: Vec<_> =
        listed.iter().map(|info| (info.name.as_str(), info.key_id.as_str(), info.updated_at)).collect();
    assert_eq!(listed, [("hooks_secret", "k", now()), ("plugin_credentials", "k", at(1))]);
}

#[tokio::test]
async fn the_erasure_key_is_made_once_whoever_asks_first() {
    let (setting, ring) = (Setting::new().await, ring(&["k"]));
    let asked = (0..8).map(|_| secrets::erasure_key(&setting.database, &ring, now()));
    let keys = futures::future::try_join_all(asked).await.unwrap();
    let people = crisp_client::PeopleId::new("somebody");
    let hashes = keys.iter().map(|key| key.hash(setting.account, Trace::People(&people)));
    assert_eq!(hashes.collect::<std::collections::HashSet<_>>().len(), 1);
}

#[tokio::test]
async fn rotation_seals_everything_again_and_old_keys_are_refused_after_it() {
    let setting = Setting::new().await;
    let (old, both, new) = (ring(&["old"]), ring(&["newer", "old"]), ring(&["newer"]));
    let other = (AccountId::new_v7(now()), IntegrationId::new_v7(now()));
    setting.add_integration(other.0, other.1).await;
    for (account, id) in [(setting.account, setting.integration), other] {
        set_token(&setting, account, id, &old, "token").await;
    }
    secrets::store_hooks_secret(&setting.database, &old, &SecretString::from("hooks"), now()).await.unwrap();
    let erasure = secrets::erasure_key(&setting.database, &old, now()).await.unwrap();

    let mut told = Vec::new();
    let done =
        secrets::rotate(&setting.database, &both, at(1), |rotation| told.push(*rotation)).await.unwrap();
    assert_eq!(done, Rotation { accounts_done: 2, accounts_total: 2, secrets: 2, website_tokens: 2 });
    assert_eq!(told.last(), Some(&done));
    for (account, id) in [(setting.account, setting.integration), other] {
        assert_eq!(token(&setting, account, id, &new).await.unwrap(), "token");
        assert!(matches!(token(&setting, account, id, &old).await, Err(Error::KeyMissing { .. })));
    }
    assert!(secrets::list(&setting.database).await.unwrap().iter().all(|info| info.key_id == "newer"));
    let people = crisp_client::PeopleId::new("somebody");
    let again = secrets::erasure_key(&setting.database, &new, now()).await.unwrap();
    let hash = |key: &crisp_storage::erasure::ErasureKey| key.hash(setting.account, Trace::People(&people));
    assert_eq!(hash(&again), hash(&erasure));

    let nothing = secrets::rotate(&setting.database, &both, at(2), |_| {}).await.unwrap();
    assert_eq!((nothing.secrets, nothing.website_tokens), (0, 0), "what is done is done");
}

/// A process that does not have the new key yet goes on sealing with the old one, behind the rotation's back.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_with_an_old_key_meanwhile_is_found_at_the_end_and_not_lost() {
    let setting = Setting::new().await;
    let (old, both, new) = (ring(&["old"]), ring(&["newer", "old"]), ring(&["newer"]));
    let (account, id) = (setting.account, setting.integration);
    set_token(&setting, account, id, &old, "of before").await;
    let hooks = SecretString::from("hooks of meanwhile");
    let running = tokio::runtime::Handle::current();
    // Called after the last account: nothing but the last look comes behind it.
    let behind_its_back = |_: &Rotation| {
        tokio::task::block_in_place(|| {
            running.block_on(async {
                set_token(&setting, account, id, &old, "of meanwhile").await;
                secrets::store_hooks_secret(&setting.database, &old, &hooks, at(1)).await.unwrap();
            });
        });
    };
    let outcome = secrets::rotate(&setting.database, &both, at(1), behind_its_back).await;
    assert!(matches!(outcome, Err(Error::SealedMeanwhile { left: 2 })), "{outcome:?}");
    let log = crisp_storage::audit::list(&mut setting.read().await, None, None, 10).await.unwrap();
    assert!(log.iter().all(|entry| entry.action != "keys.rotated"), "nothing is said to be done: {log:?}");
    // The old key is still in the ring, so nothing is lost.
    assert_eq!(token(&setting, account, id, &both).await.unwrap(), "of meanwhile");

    let done = secrets::rotate(&setting.database, &both, at(2), |_| {}).await.unwrap();
    assert_eq!(
        (done.secrets, done.website_tokens),
        (1, 1),
        "the next rotation goes on where that one stopped"
    );
    assert_eq!(token(&setting, account, id, &new).await.unwrap(), "of meanwhile");
    assert!(matches!(token(&setting, account, id, &old).await, Err(Error::KeyMissing { .. })));
    let stored = secrets::load_hooks_secret(&setting.database, &new).await.unwrap().unwrap();
    assert_eq!(stored.expose_secret(), hooks.expose_secret());
    assert!(matches!(
        secrets::load_hooks_secret(&setting.database, &old).await,
        Err(Error::KeyMissing { .. })
    ));
}

#[tokio::test]
async fn a_rotation_that_was_interrupted_goes_on_where_it_stopped() {
    let setting = Setting::new().await;
    let (old, both, new) = (ring(&["old"]), ring(&["newer", "old"]), ring(&["newer"]));
    let other = (AccountId::new_v7(at(1)), IntegrationId::new_v7(at(1)));
    setting.add_integration(other.0, other.1).await;
    for (account, id) in [(setting.account, setting.integration), other] {
        set_token(&setting, account, id, &old, "token").await;
    }
    secrets::store_hooks_secret(&setting.database, &old, &SecretString::from("hooks"), now()).await.unwrap();
    // Dies after the first of two accounts.
    let (database, ring_of_both) = (setting.database.clone(), both.clone());
    let dying = tokio::spawn(async move {
        let dies = |rotation: &Rotation| assert_eq!(rotation.accounts_done, 0, "the process dies here");
        secrets::rotate(&database, &ring_of_both, at(2), dies).await
    });
    assert!(dying.await.unwrap_err().is_panic());
    let mut sealed_again = 0;
    for (account, id) in [(setting.account, setting.integration), other] {
        sealed_again += usize::from(token(&setting, account, id, &new).await.is_ok());
        assert_eq!(token(&setting, account, id, &both).await.unwrap(), "token", "halfway both keys open it");
    }
    assert_eq!(sealed_again, 1);
    let rest = secrets::rotate(&setting.database, &both, at(3), |_| {}).await.unwrap();
    assert_eq!((rest.secrets, rest.website_tokens), (0, 1), "only what is left");
    for (account, id) in [(setting.account, setting.integration), other] {
        assert_eq!(token(&setting, account, id, &new).await.unwrap(), "token");
    }
}

/// A writer that loaded the row before the rotation, and saves it after, would bring the old seal back.
#[tokio::test]
async fn rotation_waits_for_the_accounts_turn() {
    let setting = Setting::new().await;
    let (old, both, new) = (ring(&["old"]), ring(&["newer", "old"]), ring(&["newer"]));
    set_token(&setting, setting.account, setting.integration, &old, "token").await;
    let mut session = setting.write().await;
    let mut row = integrations::get(&mut session, setting.integration).await.unwrap();
    let database = setting.database.clone();
    let rotating =
        tokio::spawn(async move { secrets::rotate(&database, &both, at(1), |_| {}).await.unwrap() });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    row.website_name = Some("renamed meanwhile".to_owned());
    integrations::save(&mut session, &row).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(rotating.await.unwrap().website_tokens, 1);
    assert_eq!(token(&setting, setting.account, setting.integration, &new).await.unwrap(), "token");
    let row = integrations::get(&mut setting.read().await, setting.integration).await.unwrap();
    assert_eq!(row.website_name.as_deref(), Some("renamed meanwhile"));
}

#[tokio::test]
async fn a_rotation_without_the_old_key_says_which_one_is_missing() {
    let setting = Setting::new().await;
    secrets::store_hooks_secret(&setting.database, &ring(&["old"]), &SecretString::from("hooks"), now())
        .await
        .unwrap();
    let error = secrets::rotate(&setting.database, &ring(&["newer"]), now(), |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("\"old\""), "{error}");
}

#[tokio::test]
async fn a_dump_shows_no_secret_in_any_form() {
    let (setting, ring) = (Setting::new().await, ring(&["k"]));
    let credentials =
        PluginCredentials { identifier: "zqidentifier".to_owned(), key: SecretString::from("zqpluginkey") };
    secrets::store_plugin_credentials(&setting.database, &ring, &credentials, now()).await.unwrap();
    secrets::store_hooks_secret(&setting.database, &ring, &SecretString::from("zqhookssecret"), now())
        .await
        .unwrap();
    set_token(&setting, setting.account, setting.integration, &ring, "zqwebsitetoken").await;
    let dump = setting.dump().await;
    assert!(dump.contains("plugin_credentials") && dump.contains("hooks_secret"), "{dump}");
    for secret in ["zqidentifier", "zqpluginkey", "zqhookssecret", "zqwebsitetoken"] {
        let hex: String = secret
            .bytes()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|half| char::from_digit(half.into(), 16).unwrap())
            .collect();
        assert!(!dump.contains(secret) && !dump.contains(&hex), "{secret} is in the dump");
    }
}

#[tokio::test]
async fn every_account_may_read_that_keys_were_rotated_and_credentials_set() {
    let (setting, ring) = (Setting::new().await, ring(&["k"]));
    let other = AccountId::new_v7(at(1));
    setting.add_integration(other, IntegrationId::new_v7(at(1))).await;
    secrets::store_hooks_secret(&setting.database, &ring, &SecretString::from("hooks"), now()).await.unwrap();
    secrets::rotate(&setting.database, &ring, at(2), |_| {}).await.unwrap();
    for account in [setting.account, other] {
        let mut session = setting.database.read(account).await.unwrap();
        let log = crisp_storage::audit::list(&mut session, None, None, 10).await.unwrap();
        let told: Vec<_> = log.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str())).collect();
        assert_eq!(told, [("operator", "keys.rotated"), ("operator", "credentials.set")]);
        assert!(!format!("{log:?}").contains("\"hooks\""), "the secret itself is not in the log");
    }
}

use std::time::Duration;

use crisp_storage::listener::WorkListener;
use crisp_storage::work::Lane;
use tokio::time::timeout;

use crate::setting::{Setting, client, now};

async fn hears(listener: &mut WorkListener) -> bool {
    timeout(Duration::from_secs(20), listener.heard()).await.is_ok()
}

#[tokio::test]
async fn a_signal_is_heard_again_after_the_connection_was_lost() {
    let setting = Setting::new().await;
    let mut listener = setting.database.listener();
    assert!(hears(&mut listener).await, "it wakes once when it begins to listen");
    setting.database.signal(setting.account, setting.integration, Lane::Hooks, now()).await.unwrap();
    assert!(hears(&mut listener).await);

    let killer = client(setting.url()).await;
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query ilike 'listen %'";
    assert_eq!(killer.query(kill, &[]).await.unwrap().len(), 1);
    assert!(hears(&mut listener).await, "it wakes once when it has come back");
    setting.database.signal(setting.account, setting.integration, Lane::Hooks, now()).await.unwrap();
    assert!(hears(&mut listener).await);
}

#[tokio::test]
async fn waiting_can_be_given_up_without_losing_a_wake_up() {
    let setting = Setting::new().await;
    let mut listener = setting.database.listener();
    assert!(hears(&mut listener).await);
    assert!(timeout(Duration::from_millis(50), listener.heard()).await.is_err(), "nothing became due");
    setting.database.signal(setting.account, setting.integration, Lane::Live, now()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(hears(&mut listener).await, "what came while nobody waited is heard");
}

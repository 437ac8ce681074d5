use std::time::Duration;

use crisp_domain::ids::{AccountId, IntegrationId};
use crisp_storage::work::{Lane, Lease, Release, Slots};

use crate::setting::{Setting, at, now};

const LEASE: Duration = Duration::from_mins(1);

async fn claim(setting: &Setting, free: i64) -> Vec<Lease> {
    let slots = Slots { free, each_account: i64::MAX };
    setting.database.claim(&[Lane::Sync], "a worker", LEASE, slots).await.unwrap()
}

/// An account with so many integrations, each with a sync that is due since long ago.
async fn account_with(setting: &Setting, integrations: usize) -> AccountId {
    let account = AccountId::new_v7(now());
    for _ in 0..integrations {
        setting.database.signal(account, IntegrationId::new_v7(now()), Lane::Sync, at(-60)).await.unwrap();
    }
    account
}

#[tokio::test]
async fn accounts_take_turns_however_many_integrations_one_has() {
    let setting = Setting::new().await;
    let many = account_with(&setting, 20).await;
    let few = account_with(&setting, 2).await;

    let first: Vec<AccountId> = claim(&setting, 4).await.iter().map(|lease| lease.account).collect();
    let of = |account| first.iter().filter(|one| **one == account).count();
    assert_eq!((of(many), of(few)), (2, 2), "slots are shared evenly");
    let third = account_with(&setting, 1).await;
    assert_eq!(claim(&setting, 1).await[0].account, third, "who holds nothing comes first");
    assert_eq!(claim(&setting, 1).await[0].account, many, "what nobody else wants goes to whoever does");
}

#[tokio::test]
async fn one_account_never_holds_all_slots_of_a_worker_however_much_it_has_to_do() {
    let setting = Setting::new().await;
    let noisy = account_with(&setting, 20).await;
    let claim = async |worker: &str| {
        let slots = Slots { free: 8, each_account: 4 };
        setting.database.claim(&[Lane::Sync], worker, LEASE, slots).await.unwrap()
    };
    let held = claim("a worker").await;
    assert_eq!(held.len(), 4);
    assert!(claim("a worker").await.is_empty(), "four slots stay free for somebody else");
    let quiet = account_with(&setting, 1).await;
    let next = claim("a worker").await;
    assert_eq!(next.iter().map(|lease| lease.account).collect::<Vec<_>>(), [quiet]);
    assert_eq!(claim("another worker").await.len(), 4, "another worker has slots of its own");
    setting.database.release(&held[0], Release::Idle).await.unwrap();
    let again = claim("a worker").await;
    assert_eq!(again.iter().map(|lease| lease.account).collect::<Vec<_>>(), [noisy], "a slot for a slot");
}

#[tokio::test]
async fn of_two_accounts_that_hold_nothing_the_one_served_longer_ago_is_next() {
    let setting = Setting::new().await;
    let (one, other) = (account_with(&setting, 3).await, account_with(&setting, 1).await);
    let mut served = Vec::new();
    for _ in 0..6 {
        let lease = claim(&setting, 1).await.remove(0);
        served.push(lease.account);
        setting.database.release(&lease, Release::DueAt(at(-60))).await.unwrap();
    }
    assert_eq!(served.iter().filter(|account| **account == one).count(), 3, "{served:?}");
    assert_eq!(served.iter().filter(|account| **account == other).count(), 3, "{served:?}");
    assert!(served.windows(2).all(|pair| pair[0] != pair[1]), "they take turns: {served:?}");
}

#[tokio::test]
async fn what_is_held_is_not_claimed_until_its_lease_lapses() {
    let setting = Setting::new().await;
    account_with(&setting, 1).await;
    let (briefly, slots) = (Duration::from_millis(300), Slots { free: 9, each_account: 9 });
    let held = setting.database.claim(&[Lane::Sync], "a worker", briefly, slots).await.unwrap();
    assert_eq!((held.len(), claim(&setting, 9).await.len()), (1, 0));
    tokio::time::sleep(Duration::from_millis(400)).await;
    let taken = claim(&setting, 9).await;
    assert_eq!(taken.iter().map(|lease| lease.taken_over).collect::<Vec<_>>(), [true]);
    assert!(!setting.database.renew(&held[0], LEASE).await.unwrap(), "its holder learns that it was lost");
}

//! The request ledger on a real Postgres, with a checker of its own that knows nothing of grants.

#[path = "ledger/windows.rs"]
mod windows;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crisp_domain::ids::AccountId;
use crisp_storage::quota::{Answer, Grant, Ledger, Purpose, QuotaOptions, Wait};
use crisp_storage::{Database, DatabaseOptions};
use windows::Arrivals;

use crate::setting::{Setting, client, now};

fn options(limit: u32, window: Duration) -> QuotaOptions {
    QuotaOptions { limit: NonZeroU32::new(limit), window, request_timeout: Duration::from_millis(100) }
}

fn ledger(setting: &Setting, limit: u32, window: Duration) -> Ledger {
    Ledger::new(setting.database.clone(), options(limit, window))
}

async fn granted(ledger: &Ledger, account: AccountId, purpose: Purpose) -> Grant {
    match ledger.grant(account, purpose, 100).await.unwrap() {
        Answer::Granted(grant) => grant,
        Answer::Wait(wait) => panic!("not granted: {wait:?}"),
    }
}

async fn refused(ledger: &Ledger, account: AccountId, purpose: Purpose) -> Wait {
    match ledger.grant(account, purpose, 100).await.unwrap() {
        Answer::Granted(grant) => panic!("granted: {grant:?}"),
        Answer::Wait(wait) => wait,
    }
}

/// Takes and uses all that a purpose may have now. Returns how many requests.
async fn use_up(ledger: &Ledger, account: AccountId, purpose: Purpose) -> u32 {
    let mut used = 0;
    while let Answer::Granted(grant) = ledger.grant(account, purpose, 100).await.unwrap() {
        ledger.close(&grant, grant.amount).await.unwrap();
        used += grant.amount;
    }
    used
}

/// One process: takes grants, sends requests that take some milliseconds, gives back what it did not need.
async fn hold(url: String, options: QuotaOptions, account: AccountId, arrivals: Arrivals, until: Instant) {
    let database =
        Database::connect(DatabaseOptions { max_connections: 3, ..DatabaseOptions::new(url.into()) })
            .unwrap();
    let ledger = Ledger::new(database, options);
    let mut turn: u32 = 0;
    while Instant::now() < until {
        turn += 1;
        match ledger.grant(account, Purpose::Live, 50).await.unwrap() {
            Answer::Wait(wait) => tokio::time::sleep(wait.wait_for).await,
            Answer::Granted(grant) => {
                let used = if turn.is_multiple_of(10) { grant.amount - 1 } else { grant.amount };
                for _request in 0..used {
                    tokio::time::sleep(Duration::from_millis(u64::from(turn % 4))).await;
                    arrivals.note();
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
                ledger.close(&grant, used).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_holders_never_exceed_a_window_and_waste_little_of_it() {
    let setting = Setting::new().await;
    let (limit, window) = (200, Duration::from_secs(4));
    let (arrivals, until) = (Arrivals::default(), Instant::now() + 3 * window);
    let holders = (0..4).map(|_| {
        let account = AccountId::new_v7(now());
        tokio::spawn(hold(setting.url().to_owned(), options(limit, window), account, arrivals.clone(), until))
    });
    futures::future::try_join_all(holders).await.unwrap();
    assert_eq!(arrivals.overruns(limit, window), 0);
    let utilisation = arrivals.utilisation(limit, window);
    println!("utilisation {utilisation:.3}");
    assert!(utilisation >= 0.95, "{utilisation}");
}

#[tokio::test]
async fn what_a_crashed_holder_had_is_lost_once_and_then_free() {
    let setting = Setting::new().await;
    let (account, window) = (setting.account, Duration::from_secs(1));
    let ledger = ledger(&setting, 3, window);
    let asked = Instant::now();
    for _ in 0..3 {
        let _never_closed = granted(&ledger, account, Purpose::Live).await;
    }
    refused(&ledger, account, Purpose::Live).await;
    let first = loop {
        match ledger.grant(account, Purpose::Live, 1).await.unwrap() {
            Answer::Granted(grant) => break grant,
            Answer::Wait(wait) => tokio::time::sleep(wait.wait_for).await,
        }
    };
    // 200 ms in which a request could be sent, 100 ms in which it could arrive, and the window.
    assert!(asked.elapsed() >= Duration::from_millis(1_300), "{:?}", asked.elapsed());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    ledger.close(&first, 1).await.unwrap();
}

#[tokio::test]
async fn what_is_given_back_is_free_at_once_and_only_once() {
    let setting = Setting::new().await;
    let ledger = ledger(&setting, 2, Duration::from_hours(1));
    let grants = [
        granted(&ledger, setting.account, Purpose::Live).await,
        granted(&ledger, setting.account, Purpose::Live).await,
    ];
    refused(&ledger, setting.account, Purpose::Interactive).await;
    for _twice in 0..2 {
        ledger.close(&grants[0], 0).await.unwrap();
    }
    assert_eq!(use_up(&ledger, setting.account, Purpose::Interactive).await, 1);
    ledger.close(&grants[1], 1).await.unwrap();
    assert_eq!(ledger.remaining(Purpose::Live).await.unwrap(), Some(0));
    let usage = ledger.usage().await.unwrap();
    let usage: Vec<_> = usage.iter().map(|usage| (usage.purpose, usage.requests)).collect();
    assert_eq!(usage, [(Purpose::Interactive, 1), (Purpose::Live, 1)]);
    let counted = setting.database.list_requests(chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(counted.iter().map(|row| row.requests).sum::<i64>(), 2);
}

#[tokio::test]
async fn backfills_leave_a_reserve_that_is_released_at_the_end_of_the_period() {
    let setting = Setting::new().await;
    let (account, ledger) = (setting.account, ledger(&setting, 100, Duration::from_mins(10)));
    assert_eq!(use_up(&ledger, account, Purpose::Backfill).await, 80);
    let wait = refused(&ledger, account, Purpose::Backfill).await;
    let minutes = wait.wait_for.as_secs_f64() / 60.0;
    assert!(
        (6.9..7.2).contains(&minutes),
        "released from the seventh of ten minutes on, not after {minutes}"
    );
    assert_eq!(use_up(&ledger, account, Purpose::Live).await, 20, "live work may have everything");

    let client = client(setting.url()).await;
    client.batch_execute("delete from quota_grants where purpose = 'live'").await.unwrap();
    client
        .batch_execute("update quota_state set period_started_at = now() - interval '599 seconds'")
        .await
        .unwrap();
    assert_eq!(use_up(&ledger, account, Purpose::Backfill).await, 19);
    assert_eq!(
        ledger.remaining(Purpose::Interactive).await.unwrap(),
        Some(1),
        "a click never waits behind a backfill"
    );
}

/// Lets one request of `account` stop counting in a second.
async fn room_in_a_second(setting: &Setting, account: AccountId) {
    let client = client(setting.url()).await;
    let statement = "update quota_grants set closed_at = clock_timestamp() - interval '599.06 seconds' \
         where id = (select id from quota_grants where account_id = $1 and closed_at > now() - interval '5 minutes' limit 1)";
    assert_eq!(client.execute(statement, &[&account.as_uuid()]).await.unwrap(), 1);
}

#[tokio::test]
async fn an_account_that_had_less_goes_first_while_it_waits() {
    let setting = Setting::new().await;
    let ledger = ledger(&setting, 100, Duration::from_mins(10));
    let (big, small) = (AccountId::new_v7(now()), AccountId::new_v7(now()));
    use_up(&ledger, big, Purpose::Backfill).await;
    for _ in 0..2 {
        room_in_a_second(&setting, big).await;
        let waits = [
            refused(&ledger, big, Purpose::Backfill).await,
            refused(&ledger, small, Purpose::Backfill).await,
        ];
        assert!(waits.iter().all(|wait| wait.wait_for < Duration::from_secs(2)), "{waits:?}");
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let turn = refused(&ledger, big, Purpose::Backfill).await;
        assert!(turn.wait_for < Duration::from_secs(1), "soon it may be its turn: {turn:?}");
        let grant = granted(&ledger, small, Purpose::Backfill).await;
        ledger.close(&grant, 1).await.unwrap();
    }

    // One that does not come back loses its turn.
    room_in_a_second(&setting, big).await;
    refused(&ledger, small, Purpose::Backfill).await;
    tokio::time::sleep(Duration::from_millis(4_300)).await;
    let grant = granted(&ledger, big, Purpose::Backfill).await;
    ledger.close(&grant, 1).await.unwrap();
}

#[tokio::test]
async fn a_refusal_of_crisp_stops_everybody_for_as_long_as_it_demands() {
    let setting = Setting::new().await;
    let ledger = ledger(&setting, 100, Duration::from_mins(10));
    let grant = granted(&ledger, setting.account, Purpose::Live).await;
    ledger.refused(Some(Duration::from_millis(400))).await.unwrap();
    ledger.close(&grant, 1).await.unwrap();
    let wait = refused(&ledger, setting.account, Purpose::Interactive).await;
    assert!(wait.wait_for <= Duration::from_millis(400));
    assert_eq!(ledger.state().await.unwrap().blocked_until, Some(wait.until));
    tokio::time::sleep(wait.wait_for).await;
    let grant = granted(&ledger, setting.account, Purpose::Live).await;
    ledger.close(&grant, 1).await.unwrap();
    ledger.refused(None).await.unwrap();
    let wait = refused(&ledger, setting.account, Purpose::Live).await;
    let seconds = wait.wait_for.as_secs_f64();
    assert!((4.0..=5.0).contains(&seconds), "the success between them ended the row of refusals: {seconds}");
}

#[tokio::test]
async fn a_long_demand_stops_everybody_until_then_and_lowers_no_limit() {
    let setting = Setting::new().await;
    let ledger = ledger(&setting, 100, Duration::from_mins(10));
    for _ in 0..4 {
        let grant = granted(&ledger, setting.account, Purpose::Live).await;
        ledger.close(&grant, 1).await.unwrap();
    }
    ledger.refused(Some(Duration::from_mins(5))).await.unwrap();
    for purpose in [Purpose::Interactive, Purpose::Live, Purpose::Backfill] {
        let minutes = refused(&ledger, setting.account, purpose).await.wait_for.as_secs_f64() / 60.0;
        assert!((4.5..=5.0).contains(&minutes), "{purpose}: {minutes}");
    }
    let state = ledger.state().await.unwrap();
    assert_eq!((state.limit, state.used, state.remaining_live), (Some(100), 4, Some(96)));
    let client = client(setting.url()).await;
    client.batch_execute("update quota_state set blocked_until = now()").await.unwrap();
    let grant = granted(&ledger, setting.account, Purpose::Backfill).await;
    ledger.close(&grant, 1).await.unwrap();
}

#[tokio::test]
async fn without_a_limit_requests_are_only_counted() {
    let setting = Setting::new().await;
    let options = QuotaOptions { limit: None, ..options(1, Duration::from_hours(24)) };
    let ledger = Ledger::new(setting.database.clone(), options);
    for _ in 0..5 {
        let grant = granted(&ledger, setting.account, Purpose::Backfill).await;
        assert_eq!(grant.amount, 50);
        ledger.close(&grant, 40).await.unwrap();
    }
    assert_eq!(ledger.remaining(Purpose::Backfill).await.unwrap(), None);
    let client = client(setting.url()).await;
    let state = ledger.state().await.unwrap();
    assert_eq!((state.limit, state.used, state.remaining_backfill), (None, 200, None));
    let usage = ledger.usage().await.unwrap();
    let usage: Vec<_> = usage.iter().map(|one| (one.account, one.purpose, one.requests)).collect();
    assert_eq!(usage, [(setting.account, Purpose::Backfill, 200)], "by account and purpose all the same");
    let counted = setting.database.list_requests(chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(counted.iter().map(|row| row.requests).sum::<i64>(), 200);
    for _twice in 0..2 {
        ledger.refused(None).await.unwrap();
        let wait = refused(&ledger, setting.account, Purpose::Interactive).await;
        assert!(
            wait.wait_for <= Duration::from_secs(5),
            "the success between them ended the row of refusals: {wait:?}"
        );
        client.batch_execute("update quota_state set blocked_until = now()").await.unwrap();
        let grant = granted(&ledger, setting.account, Purpose::Live).await;
        ledger.close(&grant, 1).await.unwrap();
    }
}

#[tokio::test]
async fn what_counts_no_more_is_forgotten() {
    let setting = Setting::new().await;
    let ledger = ledger(&setting, 100, Duration::from_mins(10));
    let used = use_up(&ledger, setting.account, Purpose::Live).await;
    assert_eq!(ledger.forget_old().await.unwrap(), 0);
    let client = client(setting.url()).await;
    client.batch_execute("update quota_grants set closed_at = now() - interval '15 minutes'").await.unwrap();
    assert_eq!(ledger.forget_old().await.unwrap(), usize::try_from(used).unwrap());
}

/// A worker that is stopped in the middle of a grant must not stop all others.
#[tokio::test]
async fn a_frozen_holder_of_the_lock_loses_it() {
    let setting = Setting::new().await;
    let ledger = ledger(&setting, 100, Duration::from_mins(1));
    let frozen = client(setting.url()).await;
    frozen
        .batch_execute(
            "begin; set local idle_in_transaction_session_timeout = '2s'; select from quota_state for update",
        )
        .await
        .unwrap();
    let grant =
        tokio::time::timeout(Duration::from_secs(15), granted(&ledger, setting.account, Purpose::Live)).await;
    ledger.close(&grant.unwrap(), 1).await.unwrap();
}

#[tokio::test]
async fn the_clicks_of_one_account_do_not_spend_everybodys_budget() {
    let setting = Setting::new().await;
    let ledger = ledger(&setting, 1_000, Duration::from_mins(1));
    let (loud, quiet) = (AccountId::new_v7(now()), AccountId::new_v7(now()));
    assert_eq!(ledger.interactive_wait(loud).await.unwrap(), None);
    let used = use_up(&ledger, loud, Purpose::Interactive).await;
    assert!((250..=275).contains(&used), "a quarter, and no more than a chunk beyond: {used}");
    let wait = ledger.interactive_wait(loud).await.unwrap().expect("its share is spent");
    assert!(wait.wait_for > Duration::from_secs(30) && wait.wait_for < Duration::from_secs(70), "{wait:?}");
    assert_eq!(ledger.interactive_wait(quiet).await.unwrap(), None);
    for (account, purpose) in
        [(quiet, Purpose::Interactive), (loud, Purpose::Live), (loud, Purpose::Backfill)]
    {
        let grant = granted(&ledger, account, purpose).await;
        ledger.close(&grant, 0).await.unwrap();
    }
}

#[tokio::test]
async fn the_live_work_of_a_noisy_account_leaves_something_to_the_others() {
    let setting = Setting::new().await;
    let ledger = ledger(&setting, 100, Duration::from_mins(10));
    let (noisy, quiet) = (AccountId::new_v7(now()), AccountId::new_v7(now()));
    assert_eq!(use_up(&ledger, noisy, Purpose::Live).await, 80);
    let minutes = refused(&ledger, noisy, Purpose::Live).await.wait_for.as_secs_f64() / 60.0;
    assert!((6.9..7.2).contains(&minutes), "until the reserve is released: {minutes}");
    assert_eq!(use_up(&ledger, quiet, Purpose::Live).await, 20);
}

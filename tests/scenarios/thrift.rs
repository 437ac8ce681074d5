//! Budgets that are smaller than what one step asks for, and refusals of Crisp's own.

use std::collections::BTreeMap;
use std::time::Duration;

use crisp_sync::syncs::SyncKind;
use serde_json::json;
use testkit::simulator::{Fault, FaultRule, Kind, Logged, Options, Quota, RetryAfter, WebsiteOptions};

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

/// How often each thing of a kind was asked for.
fn times_asked(log: &[Logged], kind: Kind) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for entry in log.iter().filter(|entry| entry.kind == kind) {
        *times.entry(entry.object.clone().unwrap_or_default()).or_default() += 1;
    }
    times
}

/// A workspace of people alone, with a budget that Crisp holds us to.
async fn with_budget(people: u32, (requests, window): (u32, Duration)) -> anyhow::Result<Stage> {
    let window_ms = u64::try_from(window.as_millis())?;
    let options = Options { websites: vec![WebsiteOptions::of_size(people, 0)], ..Options::default() }
        .behaving(|behaviour| behaviour.quota = Some(Quota::of(u64::from(requests), window_ms)));
    let setup = Setup { quota: Some(requests), window, ..Setup::default() };
    let stage = Stage::connected(options, setup).await?;
    // What connecting has cost is forgotten, here and there.
    tokio::time::sleep(window + window / 4).await;
    stage.sim.forget_requests();
    Ok(stage)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn custom_data_of_a_page_come_bit_by_bit_where_the_budget_is_smaller_than_the_page()
-> anyhow::Result<()> {
    let stage = with_budget(60, (20, Duration::from_secs(2))).await?;
    let row = |from: &str, to: &str| json!({"from": from, "to": to, "policy": "overwrite"});
    let mapping =
        json!([row("email", "email"), row("person.nickname", "name"), row("data.plan", "attributes.plan")]);
    stage.change_settings(json!({"mapping": mapping, "import_conversations": false})).await?;
    let run = stage.sync(SyncKind::Full).await?;
    assert_eq!((run.state.as_str(), run.people_read, run.people_created), ("succeeded", 60, 60), "{run:?}");

    let log = stage.sim.log();
    let asked = times_asked(&log, Kind::PeopleData);
    assert_eq!(asked.len(), 60);
    assert!(asked.values().all(|times| *times == 1), "nobody was asked after twice: {asked:?}");
    // Sixty people, two pages, what a run begins with; and the page once more in each window.
    assert!(log.len() <= 60 + 2 + 3 + 4, "{} requests", log.len());
    assert_eq!(stage.sim.requests().quota_overruns, 0);
    let sql = stage.sql().await?;
    let known =
        "select p.people_id, c.attributes ->> 'plan' from profiles p join contacts c on c.id = p.contact_id";
    let truth = stage.sim.truth(stage.website);
    let plans: BTreeMap<String, Option<String>> =
        sql.query(known, &[]).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    for person in truth.people() {
        let plan = person.data.get("plan").and_then(|plan| plan.as_str()).map(str::to_owned);
        assert_eq!(plans.get(&person.people_id), Some(&plan), "{}", person.people_id);
    }
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_vanished_is_asked_after_once_where_the_budget_is_smaller_than_a_step() -> anyhow::Result<()> {
    let stage = with_budget(90, (12, Duration::from_secs(2))).await?;
    stage.change_settings(json!({"import_conversations": false})).await?;
    stage.sync(SyncKind::Full).await?;
    let gone: Vec<String> =
        stage.sim.truth(stage.website).people().take(30).map(|person| person.people_id).collect();
    for person in &gone {
        stage.sim.change(stage.website).remove_person(person)?;
    }
    stage.sim.forget_requests();
    let run = stage.reconcile().await?;
    assert_eq!((run.state.as_str(), run.people_removed), ("succeeded", 30), "{run:?}");
    let asked = times_asked(&stage.sim.log(), Kind::Profile);
    assert!(asked.len() >= 20 && asked.values().all(|times| *times == 1), "{asked:?}");
    assert_eq!(stage.sim.requests().quota_overruns, 0);
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn custom_data_that_fail_for_one_person_keep_nobody_else_out() -> anyhow::Result<()> {
    let options = Options { websites: vec![WebsiteOptions::of_size(30, 0)], ..Options::default() };
    let stage = Stage::connected(options, Setup::default()).await?;
    let person = stage.sim.truth(stage.website).people().nth(11).expect("one").people_id;
    let rule = FaultRule::always(Fault::Internal).only(Kind::PeopleData).about(&person);
    stage.sim.behave(|behaviour| behaviour.faults = vec![rule]);
    let mapping = json!([
        {"from": "email", "to": "email", "policy": "overwrite"},
        {"from": "data.plan", "to": "attributes.plan", "policy": "overwrite"},
    ]);
    stage.change_settings(json!({"mapping": mapping, "import_conversations": false})).await?;
    let run = stage.sync(SyncKind::Full).await?;
    assert_eq!((run.state.as_str(), run.people_failed), ("partial", 1), "{run:?}");
    let listed = "select external_id from unreadable_records where kind = 'profile'";
    let listed: Vec<String> =
        stage.sql().await?.query(listed, &[]).await?.iter().map(|row| row.get(0)).collect();
    assert_eq!(listed, std::slice::from_ref(&person));
    let asked = times_asked(&stage.sim.log(), Kind::PeopleData);
    let others = asked.iter().filter(|(name, times)| **name != person && **times == 1).count();
    assert_eq!(others, 29, "{asked:?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn custom_data_are_asked_for_again_only_of_those_who_changed() -> anyhow::Result<()> {
    let options = Options { websites: vec![WebsiteOptions::of_size(30, 0)], ..Options::default() };
    let stage = Stage::connected(options, Setup::default()).await?;
    let mapping = json!([
        {"from": "email", "to": "email", "policy": "overwrite"},
        {"from": "data.plan", "to": "attributes.plan", "policy": "overwrite"},
    ]);
    stage.change_settings(json!({"mapping": mapping, "import_conversations": false})).await?;
    stage.sync(SyncKind::Full).await?;
    let asked = || stage.sim.requests().of(Kind::PeopleData);
    assert_eq!(asked(), 30);
    let touched: Vec<_> = stage.sim.truth(stage.website).people().take(4).map(|one| one.people_id).collect();
    for person in &touched {
        stage.sim.change(stage.website).touch_person(person)?;
    }
    stage.sync(SyncKind::Incremental).await?;
    assert_eq!(asked(), 34);
    // They lie within the overlap of every run from now on, and are as they were.
    let before = stage.sim.requests().total;
    stage.sync(SyncKind::Incremental).await?;
    assert_eq!(asked(), 34);
    let spent = stage.sim.requests().total - before;
    assert!(spent <= 3, "{spent} requests although nothing is new");
    stage.close().await
}

/// When requests arrived after the first refusal, in seconds since it.
fn after_the_refusal(log: &[Logged]) -> Vec<f64> {
    let refused = log.iter().position(|entry| matches!(entry.status, 429 | 420)).unwrap_or(log.len());
    let since = log.get(refused).map_or(0, |entry| entry.at_ms);
    let later = log.iter().skip(refused + 1);
    later.map(|entry| f64::from(u32::try_from(entry.at_ms - since).unwrap_or(u32::MAX)) / 1_000.0).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_waited_out_by_everybody_however_crisp_says_it_and_lowers_no_limit() -> anyhow::Result<()>
{
    // What is under way when the refusal comes still arrives; a date says whole seconds only.
    let under_way = 0.5;
    let forms = [
        (429, RetryAfter::Seconds(4), 4.0),
        (420, RetryAfter::Date(5), 4.0),
        (429, RetryAfter::Absent, 5.0),
        (420, RetryAfter::Seconds(0), 0.0),
    ];
    for (status, retry_after, least) in forms {
        let limited = Fault::Limited { status, retry_after };
        let options = Options::of_size(120, 60)
            .behaving(|behaviour| behaviour.faults = vec![FaultRule::scripted(9, 1, limited)]);
        let setup =
            Setup { quota: Some(1_000), window: Duration::from_mins(2), workers: 2, ..Setup::default() };
        let stage = Stage::connected(options, setup).await?;
        let run = stage.sync(SyncKind::Full).await?;
        assert_eq!(run.state, "succeeded", "{retry_after:?}: {run:?}");
        let arrivals = after_the_refusal(&stage.sim.log());
        let amid: Vec<&f64> = arrivals.iter().filter(|at| (under_way..least).contains(*at)).collect();
        assert!(amid.is_empty(), "{status} {retry_after:?}: asked amid the pause: {amid:?}");
        assert!(arrivals.len() > 20, "it went on: {arrivals:?}");
        let ledger = stage.engine.ledger().state().await?;
        assert_eq!((ledger.limit, ledger.blocked_until), (Some(1_000), None), "{retry_after:?}");
        let differing = differences(&stage).await?;
        assert!(differing.is_empty(), "{differing:#?}");
        stage.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_for_an_hour_parks_everybody_and_whoever_clicks_is_told_until_when() -> anyhow::Result<()> {
    let limited = Fault::Limited { status: 429, retry_after: RetryAfter::Seconds(3_600) };
    let options = Options::of_size(60, 60)
        .behaving(|behaviour| behaviour.faults = vec![FaultRule::scripted(4, 1, limited)]);
    let setup = Setup { quota: Some(1_000), window: Duration::from_hours(24), ..Setup::default() };
    let stage = Stage::connected(options, setup).await?;
    let (kind, messages) = (SyncKind::Full, crisp_sync::syncs::Messages::WhereNew);
    let run =
        crisp_sync::syncs::trigger(&stage.engine, stage.account, stage.integration, "tester", kind, messages)
            .await?;
    stage
        .eventually("the sync waits for an hour", async |stage: &Stage| {
            let run = crisp_sync::syncs::get(&stage.engine, stage.account, run.sync_id()).await?;
            let minutes = run.resumes_at.map_or(0, |at| (at - crate::stage::now()).num_minutes());
            Ok(run.state == "waiting_for_quota"
                && (50..=60).contains(&minutes)
                && run.expected_finish_at >= run.resumes_at)
        })
        .await?;
    let asked = stage.sim.requests().total;
    let refused = crisp_sync::forecast::forecast(&stage.engine, stage.account, stage.integration)
        .await
        .expect_err("parked");
    assert_eq!(refused.code(), "crisp_unavailable");
    let crisp_sync::Refusal::CrispUnavailable(crisp_client::Error::Refused(told)) = refused else {
        anyhow::bail!("{refused:?}")
    };
    let minutes = told.until.map_or(0, |until| (until - crate::stage::now()).num_minutes());
    assert!((50..=60).contains(&minutes), "{minutes}");
    assert_eq!(stage.sim.requests().total, asked, "nobody asks Crisp meanwhile");

    // An hour later.
    stage.sql().await?.batch_execute("update quota_state set blocked_until = now()").await?;
    stage.sql().await?.batch_execute("update sync_runs set resumes_at = now()").await?;
    stage.sql().await?.batch_execute("update work_items set due_at = now() where lane = 'sync'").await?;
    assert_eq!(stage.ended(run.sync_id()).await?.state, "succeeded");
    assert_eq!(stage.engine.ledger().state().await?.limit, Some(1_000), "the limit is what it was");
    stage.close().await
}

//! Crisp where docs/crisp-api.md leaves it open: sorts that are refused, filters that are ignored, lists that end oddly.

use crisp_sync::syncs::SyncKind;
use testkit::simulator::{
    Fault, FaultRule, HookOptions, Kind, ListEnd, NewMessage, NewPerson, Options, PersonUpdate, Side,
};

use crate::comparison::differences;
use crate::stage::{Setup, Stage};

fn invalid() -> Fault {
    Fault::Status { status: 400, reason: "invalid_data".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_website_that_refuses_to_sort_people_is_imported_and_kept_current_all_the_same()
-> anyhow::Result<()> {
    let options = Options::of_size(120, 60).behaving(|behaviour| {
        behaviour.faults = ["created_at", "updated_at"]
            .map(|field| FaultRule::always(invalid()).only(Kind::PeoplePage).asking_for("sort_field", field))
            .into();
    });
    let (stage, run) = Stage::imported(options, Setup::default()).await?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    let change = stage.sim.change(stage.website);
    change.create_person(NewPerson::named("Nia Newcomer", "nia@newcomer.example"));
    let first = stage.sim.truth(stage.website).conversations().next().expect("one").session_id;
    change.send(&first, NewMessage::text(Side::User, "Any news?"))?;
    let run = stage.sync(SyncKind::Incremental).await?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_very_first_incremental_costs_three_requests_at_the_most_whatever_crisp_can_do()
-> anyhow::Result<()> {
    let ignored = ["filter_date_start".to_owned()];
    for (sorts, ignored) in [(true, &[][..]), (false, &[][..]), (true, &ignored[..])] {
        let options = Options::of_size(180, 130).behaving(|behaviour| {
            behaviour.people_sort_by_updated_at = sorts;
            behaviour.ignored_params = ignored.iter().cloned().collect();
        });
        let (stage, _) = Stage::imported(options, Setup::default()).await?;
        stage.sim.forget_requests();
        let run = stage.sync(SyncKind::Incremental).await?;
        let total = stage.sim.requests().total;
        assert!(total <= 3, "{total} requests (people sorted: {sorts}, ignored: {ignored:?})");
        assert_eq!(i64::try_from(total)?, run.crisp_requests);
        stage.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_conversations_of_the_last_minute_are_not_listed_again_by_every_run() -> anyhow::Result<()> {
    let (stage, _) = Stage::imported(Options::of_size(60, 80), Setup::default()).await?;
    let change = stage.sim.change(stage.website);
    let sessions: Vec<_> =
        stage.sim.truth(stage.website).conversations().map(|one| one.session_id).take(60).collect();
    for session in &sessions {
        change.send(session, NewMessage::text(Side::User, "All at once"))?;
    }
    stage.sync(SyncKind::Incremental).await?;
    stage.sim.forget_requests();
    stage.sync(SyncKind::Incremental).await?;
    let total = stage.sim.requests().total;
    assert!(total <= 3, "{total} requests");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_while_everything_is_read_is_seen_by_the_next_run() -> anyhow::Result<()> {
    let options = Options::of_size(260, 40).behaving(|behaviour| behaviour.latency_ms = 120);
    let stage = Stage::connected(options, Setup::default()).await?;
    let oldest = stage.sim.truth(stage.website).people().min_by_key(|person| person.created_at);
    let (first, change) = (oldest.expect("one").people_id, stage.sim.change(stage.website));
    let (run, changed) = tokio::join!(stage.sync(SyncKind::Full), async {
        // Behind the page that is being read, and before a later page shows a younger change.
        stage
            .eventually("the first page is stored", async |stage: &Stage| {
                let sql = stage.sql().await?;
                Ok(sql.query_opt("select from profiles where people_id = $1", &[&first]).await?.is_some())
            })
            .await?;
        let update = |name: &str| PersonUpdate { nickname: Some(name.to_owned()), ..PersonUpdate::default() };
        change.update_person(&first, update("Renamed Amid"))?;
        change.create_person(NewPerson::named("Younger Still", "younger@still.example"));
        anyhow::Ok(())
    });
    run?;
    changed?;
    stage.sync(SyncKind::Incremental).await?;
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_beyond_the_end_may_be_answered_as_one_that_does_not_exist() -> anyhow::Result<()> {
    for status in [400, 404] {
        let reason = if status == 400 { "invalid_data" } else { "not_found" }.to_owned();
        let options = Options::of_size(100, 100).behaving(|behaviour| {
            behaviour.people_end = ListEnd::AlwaysMore;
            behaviour.conversations_end = ListEnd::AlwaysMore;
            // Two full pages of each; the third is where the list has ended.
            behaviour.faults = [Kind::PeoplePage, Kind::ConversationsPage]
                .map(|kind| {
                    let skip = if kind == Kind::PeoplePage { 3 } else { 2 };
                    FaultRule::scripted(skip, 1, Fault::Status { status, reason: reason.clone() }).only(kind)
                })
                .into();
        });
        let (stage, run) = Stage::imported(options, Setup::default()).await?;
        assert_eq!((run.state.as_str(), run.people_read), ("succeeded", 100), "{run:?}");
        let differing = differences(&stage).await?;
        assert!(differing.is_empty(), "{status}: {differing:#?}");
        stage.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_slide_to_pages_read_before_are_read_all_the_same() -> anyhow::Result<()> {
    let options = Options::of_size(230, 230).behaving(|behaviour| behaviour.latency_ms = 120);
    let stage = Stage::connected(options, Setup::default()).await?;
    stage.with_hooks(HookOptions::default()).await?;
    let truth = stage.sim.truth(stage.website);
    let mut newest: Vec<_> = truth.conversations().collect();
    newest.sort_by_key(|one| std::cmp::Reverse(one.updated_at));
    let mut oldest: Vec<_> = truth.people().collect();
    oldest.sort_by_key(|person| person.created_at);
    let leave = async {
        let change = stage.sim.change(stage.website);
        let pages = |kind| async move |stage: &Stage| Ok(stage.sim.requests().of(kind) >= 2);
        stage.eventually("the second page of people is asked for", pages(Kind::PeoplePage)).await?;
        for person in &oldest[..5] {
            change.remove_person(&person.people_id)?;
        }
        let page = pages(Kind::ConversationsPage);
        stage.eventually("the second page of conversations is asked for", page).await?;
        for conversation in &newest[..7] {
            change.remove_conversation(&conversation.session_id)?;
        }
        Ok(())
    };
    let (run, ()) = tokio::try_join!(stage.sync(SyncKind::Full), leave)?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    stage.settled().await?;
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

/// The names that many people have by now in Crisp, and that no hook told of.
fn rename(stage: &Stage, people: &[String]) -> anyhow::Result<()> {
    for person in people {
        let nickname = Some("Renamed by hand".to_owned());
        let update = PersonUpdate { nickname, ..PersonUpdate::default() };
        stage.sim.change(stage.website).update_person(person, update)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_come_to_the_front_while_one_walks_hide_nobody() -> anyhow::Result<()> {
    let options = Options::of_size(200, 3).behaving(|behaviour| behaviour.latency_ms = 150);
    let stage = Stage::connected(options, Setup::default()).await?;
    stage.sync(SyncKind::Full).await?;
    let people: Vec<String> =
        stage.sim.truth(stage.website).people().map(|person| person.people_id).collect();
    rename(&stage, &people[..70])?;
    stage.sim.forget_requests();
    let push = async {
        stage
            .eventually("the first page is asked for", async |stage: &Stage| {
                Ok(stage.sim.requests().of(Kind::PeoplePage) >= 1)
            })
            .await?;
        for person in &people[150..162] {
            stage.sim.change(stage.website).touch_person(person)?;
        }
        Ok(())
    };
    let (run, ()) = tokio::try_join!(stage.sync(SyncKind::Incremental), push)?;
    assert_eq!(run.state, "succeeded", "{run:?}");
    stage.sync(SyncKind::Incremental).await?;
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_beyond_twenty_rows_are_found_where_crisp_gives_no_more_and_says_that_it_is_all()
-> anyhow::Result<()> {
    let options = Options::of_size(130, 40).behaving(|behaviour| {
        behaviour.ignored_params = ["per_page".to_owned()].into();
        (behaviour.people_end, behaviour.conversations_end) = (ListEnd::NeverMore, ListEnd::NeverMore);
    });
    let stage = Stage::connected(options, Setup::default()).await?;
    stage.sync(SyncKind::Full).await?;
    let people: Vec<String> =
        stage.sim.truth(stage.website).people().map(|person| person.people_id).collect();
    rename(&stage, &people[..30])?;
    stage.sync(SyncKind::Incremental).await?;
    let differing = differences(&stage).await?;
    assert!(differing.is_empty(), "{differing:#?}");
    stage.sim.forget_requests();
    stage.sync(SyncKind::Incremental).await?;
    let total = stage.sim.requests().total;
    assert!(total <= 3, "{total} requests although nothing is new");
    stage.close().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_came_in_one_go_are_not_listed_again_by_every_run() -> anyhow::Result<()> {
    let options = Options::of_size(60, 20).behaving(|behaviour| behaviour.people_sort_by_updated_at = false);
    let stage = Stage::connected(options, Setup::default()).await?;
    for number in 0..120 {
        let email = format!("nia{number}@newcomer.example");
        stage.sim.change(stage.website).create_person(NewPerson::named("Nia Newcomer", &email));
    }
    stage.sync(SyncKind::Full).await?;
    stage.sim.forget_requests();
    stage.sync(SyncKind::Incremental).await?;
    let total = stage.sim.requests().total;
    assert!(total <= 3, "{total} requests");
    stage.close().await
}

//! Dead letters, as an operator meets them.

use std::time::{Duration, Instant};

use anyhow::bail;
use crisp_storage::work::Lane;
use testkit::simulator::{Fault, FaultRule, Kind, NewConversation, Options};

use crate::crowd;
use crate::stage::{Base, Ground, PATIENCE, Stage, now};

/// What a command prints, once it has ended well.
async fn said(ground: &Ground, words: &[&str]) -> anyhow::Result<String> {
    let mut command = ground.command(words)?;
    let status = command.ended(Duration::from_secs(30)).await?;
    assert_eq!(status.code(), Some(0), "{}", command.log());
    Ok(command.log())
}

async fn becomes_one(ground: &Ground, statement: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    while ground.number(statement).await? != 1 {
        if begun.elapsed() > PATIENCE {
            bail!("waited in vain for {statement}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_is_listed_with_its_reason_and_read_when_it_is_tried_again() -> anyhow::Result<()> {
    let _machine = crowd::beside_others().await;
    let stage = Stage::open(Options::of_size(6, 3), Base::shared().await?, &[]).await?;
    let _worker = stage.worker()?;
    let sync = stage.trigger().await?;
    assert_eq!(stage.ended(sync).await?.state, "succeeded");
    assert!(said(&stage, &["dead-letters", "list"]).await?.contains("There are no dead letters."));

    let person = stage.sim.truth(stage.website).people().next().expect("a person").people_id;
    let new = NewConversation::by_people_id(&person);
    let session = stage.sim.change(stage.website).start_conversation(new, "I break things");
    let refusal = Fault::Status { status: 400, reason: "invalid_data".to_owned() };
    stage.sim.behave(|behaviour| {
        behaviour.faults = vec![FaultRule::always(refusal).only(Kind::Conversation).about(&session)];
    });
    let wish = "insert into wanted_records (account_id, integration_id, kind, external_id, reason, due_at, created_at) \
         values ($1, $2, 'conversation', $3, 'a test', now(), now())";
    let (account, integration) = (stage.account.as_uuid(), stage.integration.as_uuid());
    stage.sql().await?.execute(wish, &[&account, &integration, &session]).await?;
    stage.engine.database().signal(stage.account, stage.integration, Lane::Live, now()).await?;
    becomes_one(&stage, "select count(*) from wanted_records where dead_at is not null").await?;

    let listed = said(&stage, &["dead-letters", "list"]).await?;
    // A table breaks long words.
    let words: String = listed.chars().filter(char::is_ascii_alphanumeric).collect();
    let name: String = session.chars().filter(char::is_ascii_alphanumeric).collect();
    assert!(words.contains(&name) || listed.contains("invalid_data"), "{listed}");
    let other = said(&stage, &["dead-letters", "list", "--account", &account.to_string()]).await?;
    assert!(!other.contains("There are no dead letters."), "{other}");

    stage.sim.behave(|behaviour| behaviour.faults.clear());
    assert!(said(&stage, &["dead-letters", "retry"]).await?.contains("1 are tried again."));
    let arrived =
        format!("select count(*) from conversations where session_id = '{session}' and message_count = 1");
    becomes_one(&stage, &arrived).await?;
    assert!(said(&stage, &["dead-letters", "list"]).await?.contains("There are no dead letters."));
    Ok(())
}

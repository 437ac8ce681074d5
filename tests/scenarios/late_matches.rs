//! Skipped conversations and the contacts they wait for.

use crisp_sync::directory::{self, ContactChange, Field};
use testkit::simulator::{NewConversation, Options};

use crate::stage::{Setup, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skipped_conversation_comes_in_when_the_directory_adds_its_contact() -> anyhow::Result<()> {
    let options = Options::of_size(40, 20);
    let stage = Stage::connected(options, Setup::default()).await?;
    let change = stage.sim.change(stage.website);
    let session = change.start_conversation(NewConversation::by_email(" Lena@Later.Example "), "Hello?");
    stage.sync(crisp_sync::syncs::SyncKind::Full).await?;
    let shown = async |stage: &Stage| -> anyhow::Result<i64> {
        let sql = stage.sql().await?;
        let row = sql
            .query_opt(
                "select message_count from conversations where session_id = $1 and contact_id is not null",
                &[&session],
            )
            .await?;
        Ok(row.map_or(0, |row| row.get(0)))
    };
    assert_eq!(shown(&stage).await?, 0);
    stage.sim.forget_requests();
    let contact = ContactChange {
        external_id: "lena".to_owned(),
        email: Field::Set("lena@later.example".to_owned()),
        companies: Some(vec!["later-inc".to_owned()]),
        ..ContactChange::default()
    };
    directory::put_contact(&stage.engine, stage.account, "tester", contact).await?;
    stage.eventually("the conversation is shown", async |stage| Ok(shown(stage).await? == 1)).await?;
    let links: i64 =
        stage.sql().await?.query_one("select count(*) from conversation_companies", &[]).await?.get(0);
    assert_eq!(links, 1);
    assert_eq!(stage.sim.requests().total, 1, "only its messages were read");
    stage.close().await
}

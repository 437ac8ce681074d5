//! Reads a whole Crisp workspace and counts what is there:
//! `cargo run -p crisp-client --example read_workspace -- <website id> <identifier> <key file> [base address]`.
//! The key stands in a file, since every process of a machine can read the arguments of the others.

use anyhow::Context;
use crisp_client::messages::Selector;
use crisp_client::{
    Client, ClientOptions, ConversationsQuery, Credentials, DEFAULT_BASE_URL, PeopleQuery, WebsiteId,
};
use futures::{TryStreamExt, pin_mut};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [website, identifier, key_file, base_url @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: read_workspace <website id> <identifier> <key file> [base address]");
    };
    let website: WebsiteId = website.parse().context("the website id is a UUID")?;
    let key = std::fs::read_to_string(key_file).context("the key file cannot be read")?;
    let base_url = base_url.first().map_or(DEFAULT_BASE_URL, String::as_str);
    let credentials = Credentials::new(identifier, &key.into());
    let client = Client::new(ClientOptions::new(base_url.parse()?, credentials))?;
    let people = count_people(&client, website).await?;
    let (conversations, messages) = count_conversations(&client, website).await?;
    eprintln!("{people} people, {conversations} conversations, at least {messages} messages");
    Ok(())
}

async fn count_people(client: &Client, website: WebsiteId) -> anyhow::Result<usize> {
    let pages = client.people(website, PeopleQuery::default());
    Ok(pages.try_fold(0, |count, page| async move { Ok(count + page.records.len()) }).await?)
}

/// Reads the newest batch of messages of each conversation: all of them would cost more requests.
async fn count_conversations(client: &Client, website: WebsiteId) -> anyhow::Result<(usize, usize)> {
    let (mut conversations, mut messages) = (0, 0);
    let pages = client.conversations(website, ConversationsQuery::default());
    pin_mut!(pages);
    while let Some(page) = pages.try_next().await? {
        for conversation in page.records.into_iter().flatten() {
            let batch = client.messages(website, &conversation.session_id, Selector::Latest).await?;
            conversations += 1;
            messages += batch.records.len();
        }
    }
    Ok((conversations, messages))
}

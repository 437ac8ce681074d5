//! `worker dead-letters list` and `worker dead-letters retry`.

use std::io::Write as _;

use anyhow::ensure;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use crisp_domain::AccountId;
use crisp_http::now;
use crisp_settings::SettingsArgs;
use crisp_settings::wire::{self, Schema};
use crisp_storage::Database;
use crisp_storage::dead_letters::{self, DeadLetter, Which};
use uuid::Uuid;

/// Letters read from the database at a time.
const PAGE: i64 = 200;

/// What is done with dead letters.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// List them, newest first.
    List {
        /// Of this account only.
        #[arg(long, value_name = "UUID")]
        account: Option<Uuid>,
    },
    /// Give them another chance, as if they had just come.
    Retry {
        /// Of this account only.
        #[arg(long, value_name = "UUID")]
        account: Option<Uuid>,
        /// Which ones, by the id in the list. None: all.
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
}

/// Lists or retries.
pub(crate) async fn run(command: &Command, settings: &SettingsArgs, schema: Schema) -> anyhow::Result<()> {
    let database = wire::database(&settings.database.resolve()?)?;
    wire::prepare(&database, schema).await?;
    match command {
        Command::List { account } => list(&database, *account).await,
        Command::Retry { account, ids } => retry(&database, *account, ids).await,
    }
}

async fn list(database: &Database, account: Option<Uuid>) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["account", "id", "integration", "about", "attempts", "given up at", "error"]);
    for account in accounts(database, account).await? {
        let mut session = database.read_primary(account).await?;
        let mut after = None;
        loop {
            let page = dead_letters::list(&mut session, after.as_ref(), PAGE).await?;
            table.add_rows(page.iter().map(|letter| row(account, letter)));
            match page.last() {
                Some(last) => after = Some(last.position()),
                None => break,
            }
        }
        session.commit().await?;
    }
    let mut out = std::io::stdout();
    if table.is_empty() {
        writeln!(out, "There are no dead letters.")?;
    } else {
        writeln!(out, "{table}")?;
    }
    Ok(())
}

fn row(account: AccountId, letter: &DeadLetter) -> [String; 7] {
    [
        account.to_string(),
        letter.id.clone(),
        letter.integration_id.to_string(),
        letter.about.clone(),
        letter.attempts.to_string(),
        letter.dead_at.format("%F %T UTC").to_string(),
        letter.error.clone().unwrap_or_default(),
    ]
}

async fn retry(database: &Database, account: Option<Uuid>, ids: &[String]) -> anyhow::Result<()> {
    let which: Vec<Which<'_>> =
        if ids.is_empty() { vec![Which::All] } else { ids.iter().map(|id| Which::One(id)).collect() };
    let mut revived = 0;
    for account in accounts(database, account).await? {
        let mut session = database.write(account).await?;
        for which in &which {
            revived += dead_letters::retry(&mut session, *which, now()).await?;
        }
        session.commit().await?;
    }
    ensure!(
        revived > 0 || ids.is_empty(),
        "no dead letter has such an id; `worker dead-letters list` shows them"
    );
    Ok(writeln!(std::io::stdout(), "{revived} are tried again.")?)
}

async fn accounts(database: &Database, only: Option<Uuid>) -> anyhow::Result<Vec<AccountId>> {
    let all = database.list_accounts().await?;
    let Some(only) = only.map(AccountId::from) else { return Ok(all) };
    ensure!(all.contains(&only), "there is no account {only}");
    Ok(vec![only])
}

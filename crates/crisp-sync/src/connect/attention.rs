//! Looking again at integrations that a new credential may have mended.

use crisp_storage::integrations::IntegrationRow;
use crisp_storage::work::Lane;
use crisp_storage::{Database, integrations};

use crate::clock;
use crate::error::{Attention, Error};

/// Lets the next free worker look at every integration that waits for a better credential, of all accounts; without
/// this each is looked at some minutes later. Answers how many there are.
pub async fn look_again(database: &Database) -> Result<usize, Error> {
    let mut waiting = 0;
    for account in database.list_accounts().await? {
        let mut session = database.read_primary(account).await?;
        let rows = integrations::list(&mut session).await?;
        session.commit().await?;
        for row in rows.iter().filter(|row| waits_for_crisp(row)) {
            database.signal(account, row.integration_id(), Lane::Sync, clock::now()).await?;
            waiting += 1;
        }
    }
    Ok(waiting)
}

/// Whether an integration goes on by itself once Crisp accepts the plugin's credential.
pub(crate) fn waits_for_crisp(row: &IntegrationRow) -> bool {
    let problem = row.problem_code.as_deref().and_then(|code| code.parse::<Attention>().ok());
    row.state == "needs_attention"
        && matches!(problem, Some(Attention::CredentialRejected | Attention::ScopeMissing))
}

//! Looking again at integrations that a new credential may have mended.

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
        for row in rows.iter().filter(|row| row.state == "needs_attention") {
            if is_for_credential(row.problem_code.as_deref()) {
                database.signal(account, row.integration_id(), Lane::Sync, clock::now()).await?;
                waiting += 1;
            }
        }
    }
    Ok(waiting)
}

fn is_for_credential(problem: Option<&str>) -> bool {
    let attention = problem.and_then(|code| code.parse::<Attention>().ok());
    matches!(attention, Some(Attention::CredentialRejected | Attention::ScopeMissing))
}

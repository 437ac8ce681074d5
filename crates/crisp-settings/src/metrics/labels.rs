//! Labels that cannot grow without end.

use std::collections::BTreeSet;

use crisp_domain::AccountId;

/// Accounts that get a label of their own in one process; all others share one.
const MOST: usize = 50;
/// The label of the others.
const OTHERS: &str = "other";

/// The accounts that have a label of their own, which they keep while there is a figure for them.
#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeSet<AccountId>);

impl Accounts {
    /// Takes the labels of all others away, so that they are free for accounts to come.
    pub(super) fn retain(&mut self, in_use: &BTreeSet<AccountId>) {
        self.0.retain(|account| in_use.contains(account));
    }

    /// The account's label.
    pub(super) fn label(&mut self, account: AccountId) -> String {
        if self.0.contains(&account) || (self.0.len() < MOST && self.0.insert(account)) {
            account.to_string()
        } else {
            OTHERS.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn there_are_never_more_than_so_many_labels() {
        let mut accounts = Accounts::default();
        let of = |number| AccountId::from(Uuid::from_u128(number));
        let labels: BTreeSet<String> = (0..1_000).map(|number| accounts.label(of(number))).collect();
        assert_eq!(labels.len(), MOST + 1);
        assert_eq!(accounts.label(of(0)), of(0).to_string());
        assert_eq!(accounts.label(of(999)), OTHERS);
        accounts.retain(&[of(0), of(999)].into());
        assert_eq!(accounts.label(of(999)), of(999).to_string(), "a label that nobody uses is free again");
    }
}

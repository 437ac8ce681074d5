//! Which of a contact's profiles has the say.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use crisp_client::PeopleId;

/// What decides which profile has the say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRank {
    /// The profile.
    pub people_id: PeopleId,
    /// When the person was last active.
    pub active_last: Option<DateTime<Utc>>,
    /// When the profile was last changed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The profile whose fields a contact shows: the one last active, then the one last changed, then the one with the
/// smaller people id. `None` only if there is none.
pub fn winner(profiles: &[ProfileRank]) -> Option<&PeopleId> {
    let place = |rank: &&ProfileRank| (rank.active_last, rank.updated_at, Reverse(rank.people_id.clone()));
    profiles.iter().max_by_key(place).map(|rank| &rank.people_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(people_id: &str, active_last: Option<i64>, updated_at: Option<i64>) -> ProfileRank {
        let at = |second: i64| DateTime::from_timestamp(second, 0).unwrap();
        ProfileRank {
            people_id: PeopleId::new(people_id),
            active_last: active_last.map(at),
            updated_at: updated_at.map(at),
        }
    }

    #[test]
    fn the_last_active_profile_has_the_say_then_the_last_changed_then_the_smaller_id() {
        let profiles = [rank("a", Some(1), Some(9)), rank("b", Some(2), None), rank("c", None, Some(10))];
        assert_eq!(winner(&profiles), Some(&PeopleId::new("b")));
        let profiles = [rank("a", Some(1), Some(3)), rank("b", Some(1), Some(4))];
        assert_eq!(winner(&profiles), Some(&PeopleId::new("b")));
        let profiles = [rank("b", None, None), rank("a", None, None)];
        assert_eq!(winner(&profiles), Some(&PeopleId::new("a")));
        assert_eq!(winner(&[]), None);
    }
}

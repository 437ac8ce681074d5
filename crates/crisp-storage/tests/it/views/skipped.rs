use crisp_storage::conversations::ConversationRow;
use crisp_storage::integrations;
use crisp_storage::unreadable::{self, Kind};
use crisp_storage::views::skipped::{self, Counts, Filter, Reason, Skipped};

use crate::setting::{Setting, at};

fn external_ids(found: &[Skipped]) -> Vec<&str> {
    found.iter().map(|skipped| skipped.external_id.as_str()).collect()
}

fn skipped_row(setting: &Setting, session_id: &str, seconds: i64, reason: &str) -> ConversationRow {
    let mut row = setting.conversation(session_id, seconds);
    row.skip_reason = Some(reason.to_owned());
    row
}

/// Five conversations (one of them removed in Crisp, one of unknown time) and two records that could not be read.
async fn setting() -> Setting {
    let setting = Setting::new().await;
    let mut stranger = skipped_row(&setting, "stranger", 10, "no_match");
    stranger.email = Some("Zoe@elsewhere.example".to_owned());
    stranger.people_id = Some("p1".to_owned());
    stranger.subject = Some("Where is it?".to_owned());
    let mut removed = skipped_row(&setting, "removed", 40, "no_match");
    removed.removed_at = Some(at(41));
    let mut timeless = skipped_row(&setting, "timeless", 0, "no_match");
    timeless.crisp_updated_at = None;
    let old = skipped_row(&setting, "old", 20, "before_backfill");
    let twin = skipped_row(&setting, "twin", 30, "no_match");
    setting.save_conversations(&[stranger, removed, timeless, old, twin]).await;

    let mut session = setting.write().await;
    let mut integration = integrations::get(&mut session, setting.integration).await.unwrap();
    integration.backfill_from = Some("2026-03-02T00:00:00Z".parse().unwrap());
    integrations::save(&mut session, &integration).await.unwrap();
    let profile = [("p9".to_owned(), "email: expected text".to_owned())];
    unreadable::save(&mut session, setting.integration, Kind::Profile, &profile, at(30)).await.unwrap();
    let message = [("session_3:77".to_owned(), "timestamp: out of range".to_owned())];
    unreadable::save(&mut session, setting.integration, Kind::Message, &message, at(5)).await.unwrap();
    session.commit().await.unwrap();
    setting
}

#[tokio::test]
async fn everything_that_is_not_shown_is_listed_newest_first_page_by_page() {
    let setting = setting().await;
    let mut session = setting.read().await;
    let list = async |session: &mut _, after: Option<&_>, limit| {
        skipped::list(session, setting.integration, &Filter::default(), after, limit).await.unwrap()
    };
    let whole = list(&mut session, None, 50).await;
    assert_eq!(external_ids(&whole), ["timeless", "p9", "twin", "old", "stranger", "session_3:77"]);
    for limit in [1, 2, 3] {
        let mut pages: Vec<Skipped> = Vec::new();
        loop {
            let after = pages.last().map(Skipped::position);
            let page = list(&mut session, after.as_ref(), limit).await;
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        assert_eq!(external_ids(&pages), external_ids(&whole), "in pages of {limit}");
    }
}

#[tokio::test]
async fn each_says_in_a_sentence_why() {
    let setting = setting().await;
    let mut session = setting.read().await;
    let mut found = async |id| skipped::find(&mut session, setting.integration, id).await.unwrap();
    let stranger = found("stranger").await.unwrap();
    assert_eq!((stranger.reason, stranger.updated_at), (Reason::NoMatch, at(10)));
    assert_eq!(
        (stranger.email.as_deref(), stranger.people_id.as_deref()),
        (Some("Zoe@elsewhere.example"), Some("p1"))
    );
    assert_eq!(
        stranger.detail,
        "No contact has its e-mail address, and none was imported from its Crisp profile."
    );
    let old = found("old").await.unwrap();
    assert_eq!(old.detail, "It was last updated before 2 March 2026, where the import begins.");
    let odd = found("session_3:77").await.unwrap();
    assert_eq!((odd.reason, odd.updated_at), (Reason::Unreadable, at(5)));
    assert_eq!(odd.detail, "This message could not be read, or not wholly: timestamp: out of range.");
    assert_eq!(found("p9").await.unwrap().people_id.as_deref(), Some("p9"));
    assert_eq!((found("removed").await, found("unknown").await), (None, None));
}

#[tokio::test]
async fn the_list_is_counted_and_narrowed_by_reason_and_text() {
    let setting = setting().await;
    let mut session = setting.read().await;
    let counts = skipped::count(&mut session, setting.integration).await.unwrap();
    assert_eq!(counts, Counts { no_match: 3, before_backfill: 1, unreadable: 2 });
    let by_reason = |reason| Filter { reason: Some(reason), ..Filter::default() };
    let by_text = |text: &str| Filter { search: Some(text.to_owned()), ..Filter::default() };
    for (filter, expected) in [
        (by_reason(Reason::NoMatch), vec!["timeless", "twin", "stranger"]),
        (by_reason(Reason::BeforeBackfill), vec!["old"]),
        (by_reason(Reason::Unreadable), vec!["p9", "session_3:77"]),
        (by_text("zoe@"), vec!["stranger"]),
        (by_text("where"), vec!["stranger"]),
        (by_text("session_3"), vec!["session_3:77"]),
    ] {
        let found = skipped::list(&mut session, setting.integration, &filter, None, 50).await.unwrap();
        assert_eq!(external_ids(&found), expected, "{filter:?}");
    }
}

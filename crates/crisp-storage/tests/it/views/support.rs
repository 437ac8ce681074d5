use crisp_storage::conversations::ConversationRow;
use crisp_storage::views::support::{self, FirstReply};
use uuid::Uuid;

use crate::setting::{Setting, at, now};

const WEEK: i64 = 7 * 24 * 3600;

fn began(setting: &Setting, number: i64, seconds: i64, contact: Uuid) -> ConversationRow {
    let mut row = setting.conversation(&format!("session_{number}"), seconds);
    row.contact_id = Some(contact);
    row.crisp_created_at = Some(at(seconds));
    row
}

#[tokio::test]
async fn a_company_has_its_open_and_waiting_conversations_reply_times_and_weeks() {
    let setting = Setting::new().await;
    let acme = setting.add_company("Acme").await;
    let ana = setting.add_contact("Ana", &[acme]).await;
    // Now is a Monday at nine: ten hours before is the week before.
    let begins = [0, -60, -10 * 3600, -11 * WEEK, -12 * WEEK];
    let mut rows: Vec<_> =
        begins.iter().zip(0..).map(|(seconds, n)| began(&setting, n, *seconds, ana)).collect();
    for (row, reply) in rows.iter_mut().zip([100, 200, 300, 400]) {
        row.first_inbound_at = Some(at(0));
        row.first_reply_at = Some(at(reply));
    }
    rows[0].waiting_on_us_since = Some(at(0));
    rows[1].status = "resolved".to_owned();
    rows[1].waiting_on_us_since = Some(at(0));
    rows[2].status = "unresolved".to_owned();
    let mut removed = began(&setting, 9, 0, ana);
    removed.removed_at = Some(now());
    rows.push(removed);
    setting.save_conversations(&rows).await;

    let found = support::find(&mut setting.read().await, "acme", now()).await.unwrap().unwrap();
    assert_eq!((found.open_conversations, found.waiting_on_us), (4, 1));
    assert_eq!(found.first_reply_seconds, FirstReply { median: Some(250.0), p90: Some(370.0) });
    let weeks: Vec<(String, i64)> =
        found.conversations_per_week.iter().map(|week| (week.week.to_string(), week.count)).collect();
    assert_eq!(weeks.len(), 12);
    assert_eq!(weeks[0], ("2026-08-31".to_owned(), 1));
    assert_eq!(weeks[1], ("2026-09-07".to_owned(), 0));
    assert_eq!(weeks[10], ("2026-11-09".to_owned(), 1));
    assert_eq!(weeks[11], ("2026-11-16".to_owned(), 2));
}

#[tokio::test]
async fn a_quiet_company_has_zeros_and_an_unknown_one_nothing() {
    let setting = Setting::new().await;
    setting.add_company("Quiet").await;
    let mut session = setting.read().await;
    let quiet = support::find(&mut session, "quiet", now()).await.unwrap().unwrap();
    assert_eq!((quiet.open_conversations, quiet.waiting_on_us), (0, 0));
    assert_eq!(quiet.first_reply_seconds, FirstReply { median: None, p90: None });
    assert!(quiet.conversations_per_week.iter().all(|week| week.count == 0));
    assert_eq!(support::find(&mut session, "unknown", now()).await.unwrap(), None);
}

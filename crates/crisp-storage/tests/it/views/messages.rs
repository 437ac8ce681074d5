use crisp_domain::ids::ConversationId;
use crisp_storage::views::messages::{self, MessageView};

use crate::setting::{Setting, at, message, now};

fn fingerprints(found: &[MessageView]) -> Vec<i64> {
    found.iter().map(|message| message.fingerprint).collect()
}

async fn thread() -> (Setting, ConversationId) {
    let setting = Setting::new().await;
    let ana = setting.add_contact("Ana", &[]).await;
    let mut row = setting.conversation("session_1", 0);
    row.contact_id = Some(ana);
    setting.save_conversations(&[row.clone()]).await;
    let mut removed = message(row.id, 2, 20);
    (removed.body, removed.removed_at) = (None, Some(now()));
    let mut awaited = message(row.id, 9, 0);
    awaited.sent_at = None;
    setting
        .save_messages(&[
            message(row.id, 5, 10),
            message(row.id, 4, 20),
            removed,
            message(row.id, 1, 30),
            awaited,
        ])
        .await;
    (setting, ConversationId::from(row.id))
}

#[tokio::test]
async fn a_thread_reads_from_its_beginning_with_tombstones_and_without_what_has_not_arrived() {
    let (setting, conversation) = thread().await;
    let mut session = setting.read().await;
    let whole = messages::list(&mut session, conversation, None, 50).await.unwrap();
    assert_eq!(fingerprints(&whole), [5, 2, 4, 1]);
    assert_eq!((whole[1].body.as_deref(), whole[1].removed_at), (None, Some(now())));
    assert_eq!((whole[0].body.as_deref(), whole[0].sent_at), (Some("message 5"), at(10)));
    let mut pages = Vec::new();
    while let Some(page) = Some(
        messages::list(&mut session, conversation, pages.last().map(MessageView::position), 1).await.unwrap(),
    )
    .filter(|page| !page.is_empty())
    {
        pages.extend(page);
    }
    assert_eq!(pages, whole);
}

#[tokio::test]
async fn a_thread_opens_at_its_end_and_reads_back() {
    let (setting, conversation) = thread().await;
    let mut session = setting.read().await;
    let last = messages::list_newest(&mut session, conversation, None, 2).await.unwrap();
    assert_eq!(fingerprints(&last), [1, 4]);
    let before = last.last().map(MessageView::position);
    let rest = messages::list_newest(&mut session, conversation, before, 50).await.unwrap();
    assert_eq!(fingerprints(&rest), [2, 5]);
}

use std::time::{Duration, Instant};

use crisp_client::SessionId;
use crisp_domain::conversation::Status;
use crisp_domain::ids::{CompanyId, ContactId, ConversationId};
use crisp_storage::conversations::ConversationRow;
use crisp_storage::operators;
use crisp_storage::views::conversations::{self, ConversationView, Filter, Scope};
use uuid::Uuid;

use crate::setting::{Setting, at, client, message, now};

/// A conversation of a contact; not stored.
fn shown(setting: &Setting, session_id: &str, seconds: i64, contact: Uuid) -> ConversationRow {
    let mut row = setting.conversation(session_id, seconds);
    row.contact_id = Some(contact);
    row.matched_by = Some("email".to_owned());
    row
}

fn sessions(found: &[ConversationView]) -> Vec<&str> {
    found.iter().map(|conversation| conversation.external_id.as_str()).collect()
}

#[tokio::test]
async fn a_conversation_comes_with_every_name_that_belongs_to_it() {
    let setting = Setting::new().await;
    let (zeta, acme) = (setting.add_company("Zeta").await, setting.add_company("Acme").await);
    let ana = setting.add_contact("Ana", &[zeta, acme]).await;
    let mut row = shown(&setting, "session_1", 0, ana);
    row.status = "unresolved".to_owned();
    row.assigned_user_id = Some("op1".to_owned());
    row.message_count = 3;
    setting.save_conversations(&[row.clone()]).await;
    let mut note = message(row.id, 2, 20);
    note.internal = true;
    setting.save_messages(&[message(row.id, 1, 10), note]).await;
    let mut session = setting.write().await;
    let names = [("op1".to_owned(), "Olga".to_owned())];
    operators::save(&mut session, setting.integration, &names, now()).await.unwrap();
    session.commit().await.unwrap();

    let mut session = setting.read().await;
    let found = conversations::find(&mut session, ConversationId::from(row.id)).await.unwrap().unwrap();
    assert_eq!((found.external_id.as_str(), found.status.as_str()), ("session_1", "unresolved"));
    assert_eq!(
        (found.integration_id, found.website_id),
        (setting.integration.as_uuid(), Some(Uuid::from_u128(7)))
    );
    assert_eq!(
        (found.assigned_user_id.as_deref(), found.assigned_name.as_deref()),
        (Some("op1"), Some("Olga"))
    );
    assert_eq!((found.contact_id, found.contact_name.as_deref()), (ana, Some("Ana")));
    assert_eq!(found.company_external_ids, ["acme", "zeta"]);
    assert_eq!((found.matched_by.as_deref(), found.message_count), (Some("email"), 3));
    assert_eq!(found.last_message.as_deref(), Some("message 1"), "a note is no message between people");
    assert_eq!((found.created_at, found.updated_at), (at(-100), at(0)));
    assert_eq!(found.synced_at, now(), "the row was written later than the integration was synced");
}

#[tokio::test]
async fn what_has_no_contact_or_is_gone_in_crisp_is_nowhere_to_be_seen() {
    let setting = Setting::new().await;
    let acme = setting.add_company("Acme").await;
    let ana = setting.add_contact("Ana", &[acme]).await;
    let unmatched = setting.conversation("unmatched", 1);
    let mut removed = shown(&setting, "removed", 2, ana);
    removed.removed_at = Some(now());
    setting.save_conversations(&[unmatched.clone(), removed.clone()]).await;

    let mut session = setting.read().await;
    for id in [unmatched.id, removed.id] {
        assert_eq!(conversations::find(&mut session, ConversationId::from(id)).await.unwrap(), None);
    }
    let (gone, waiting) = (SessionId::new("removed"), SessionId::new("unmatched"));
    for scope in [
        Scope::Contact(ContactId::from(ana)),
        Scope::Company(CompanyId::from(acme)),
        Scope::ExternalId(&gone),
        Scope::ExternalId(&waiting),
    ] {
        assert_eq!(conversations::list(&mut session, scope, &Filter::default(), None, 50).await.unwrap(), []);
    }
}

#[tokio::test]
async fn contact_and_company_list_the_newest_first_page_by_page_also_what_has_no_time() {
    let setting = Setting::new().await;
    let acme = setting.add_company("Acme").await;
    let (ana, ben) = (setting.add_contact("Ana", &[acme]).await, setting.add_contact("Ben", &[acme]).await);
    let mut rows = vec![
        shown(&setting, "oldest", 1, ana),
        shown(&setting, "twin", 5, ana),
        shown(&setting, "other twin", 5, ben),
        shown(&setting, "newest", 9, ben),
        shown(&setting, "timeless", 0, ana),
        shown(&setting, "timeless too", 0, ben),
    ];
    for row in &mut rows[4..] {
        row.crisp_updated_at = None;
    }
    setting.save_conversations(&rows).await;

    let mut session = setting.read().await;
    let company = Scope::Company(CompanyId::from(acme));
    let whole = conversations::list(&mut session, company, &Filter::default(), None, 50).await.unwrap();
    assert_eq!(whole.len(), 6);
    assert_eq!(sessions(&whole)[2], "newest");
    assert_eq!(sessions(&whole)[5], "oldest");
    for limit in [1, 2, 4] {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page =
                conversations::list(&mut session, company, &Filter::default(), after, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.position());
            pages.extend(page);
        }
        assert_eq!(pages, whole, "in pages of {limit}");
    }
    let contact = Scope::Contact(ContactId::from(ana));
    let of_ana = conversations::list(&mut session, contact, &Filter::default(), None, 50).await.unwrap();
    assert_eq!(sessions(&of_ana), ["timeless", "twin", "oldest"]);
}

#[tokio::test]
async fn a_list_is_narrowed_by_state_and_by_text() {
    let setting = Setting::new().await;
    let ana = setting.add_contact("Ana", &[]).await;
    let mut rows =
        [shown(&setting, "s1", 1, ana), shown(&setting, "s2", 2, ana), shown(&setting, "s3", 3, ana)];
    rows[0].subject = Some("Invoice 100%".to_owned());
    rows[1].nickname = Some("Ana from invoicing".to_owned());
    rows[1].status = "resolved".to_owned();
    setting.save_conversations(&rows).await;

    let mut session = setting.read().await;
    let scope = Scope::Contact(ContactId::from(ana));
    let by_text = |text: &str| Filter { search: Some(text.to_owned()), ..Filter::default() };
    let resolved = Filter { status: Some(Status::Resolved), ..by_text("invoic") };
    for (filter, expected) in [
        (by_text("INVOIC"), vec!["s2", "s1"]),
        (by_text("0%"), vec!["s1"]),
        (by_text("_"), vec![]),
        (by_text("  "), vec!["s3", "s2", "s1"]),
        (resolved, vec!["s2"]),
    ] {
        let found = conversations::list(&mut session, scope, &filter, None, 50).await.unwrap();
        assert_eq!(sessions(&found), expected, "{filter:?}");
    }
    let id = SessionId::new("s2");
    let found = conversations::list(&mut session, Scope::ExternalId(&id), &Filter::default(), None, 50)
        .await
        .unwrap();
    assert_eq!(sessions(&found), ["s2"]);
}

/// The quickest of several reads: what it costs when nothing else is going on.
async fn quickest(setting: &Setting, scope: Scope<'_>) -> Duration {
    let mut session = setting.read().await;
    let mut quickest = Duration::MAX;
    for _ in 0..30 {
        let begun = Instant::now();
        let page = conversations::list(&mut session, scope, &Filter::default(), None, 10).await.unwrap();
        quickest = quickest.min(begun.elapsed());
        assert_eq!(page.len(), 10);
    }
    quickest
}

#[tokio::test]
async fn a_page_of_ten_thousand_conversations_costs_at_most_three_times_that_of_ten() {
    let setting = Setting::new().await;
    let (small, large) = (setting.add_company("Small").await, setting.add_company("Large").await);
    let (few, many) =
        (setting.add_contact("Few", &[small]).await, setting.add_contact("Many", &[large]).await);
    let rows = |name: &str, count: i64, contact: Uuid| -> Vec<ConversationRow> {
        (0..count).map(|number| shown(&setting, &format!("{name} {number}"), number, contact)).collect()
    };
    setting.save_conversations(&rows("few", 10, few)).await;
    setting.save_conversations(&rows("many", 10_000, many)).await;

    // Before Postgres has statistics of the tables, and after.
    for command in ["select", "analyze"] {
        client(setting.url()).await.batch_execute(command).await.unwrap();
        for (of_few, of_many) in [
            (Scope::Company(CompanyId::from(small)), Scope::Company(CompanyId::from(large))),
            (Scope::Contact(ContactId::from(few)), Scope::Contact(ContactId::from(many))),
        ] {
            let (few, many) = (quickest(&setting, of_few).await, quickest(&setting, of_many).await);
            assert!(many <= few * 3, "{many:?} instead of {few:?}");
        }
    }
}

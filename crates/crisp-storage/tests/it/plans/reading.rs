//! Every function that reads.

use std::collections::BTreeSet;

use crisp_client::{PeopleId, SessionId};
use crisp_domain::conversation::Status;
use crisp_domain::email::EmailKey;
use crisp_domain::ids::{CompanyId, ContactId, ConversationId, SyncId};
use crisp_storage::{
    audit, conversations, dead_letters, directory, hooks, integrations, matches, messages, operators,
    profiles, sightings, syncs, transcripts, views, wanted,
};
use uuid::Uuid;

use super::hearing::call;
use crate::setting::{Setting, now};

pub(super) async fn call_all(setting: &Setting, called: &mut BTreeSet<String>) {
    call_passes(setting, called).await;
    call_conversations(setting, called).await;
    call_directory(setting, called).await;
    call_hooks(setting, called).await;
    call_lists(setting, called).await;
    call_conversation_lists(setting, called).await;
    call_figures(setting, called).await;
}

async fn call_passes(setting: &Setting, called: &mut BTreeSet<String>) {
    let (integration, sync) = (setting.integration, SyncId::new_v7(now()));
    call!(setting, called, audit::list, Some(integration), Some(Uuid::nil()), 1);
    call!(setting, called, audit::list, None, None, 1);
    call!(setting, called, integrations::find, integration);
    call!(setting, called, integrations::get, integration);
    call!(setting, called, integrations::list);
    call!(setting, called, integrations::hook_channel, integration);
    call!(setting, called, operators::names, integration);
    call!(setting, called, sightings::list_unseen_conversations, integration, sync, now(), "", 1);
    call!(setting, called, sightings::list_unseen_profiles, integration, sync, now(), "", 1);
    call!(setting, called, syncs::find, sync);
    call!(setting, called, syncs::find_under_way, integration);
    call!(setting, called, syncs::find_last, integration);
    call!(setting, called, syncs::list, integration, Some(Uuid::nil()), 1);
}

async fn call_conversations(setting: &Setting, called: &mut BTreeSet<String>) {
    use transcripts::Due;
    let (integration, conversation) = (setting.integration, ConversationId::new_v7(now()));
    let some = ["some".to_owned()];
    let people = [(integration, "p1".to_owned())];
    call!(setting, called, conversations::list_by_session, integration, &some);
    call!(setting, called, conversations::find, conversation);
    call!(setting, called, conversations::list, &[conversation.as_uuid()]);
    call!(setting, called, conversations::list_concerned, &some, &people, &[ContactId::new_v7(now())]);
    call!(setting, called, transcripts::list_due, integration, Due::Urgent, now(), 1);
    call!(setting, called, transcripts::count_due, integration);
    call!(setting, called, transcripts::next_retry, integration, Due::Calm);
    call!(setting, called, matches::list_candidates, integration.as_uuid(), &some, &some);
    call!(setting, called, matches::history, conversation);
    let open = messages::Between { conversation, after: None, before: None };
    let closed = messages::Between { after: Some(now()), before: Some(now()), ..open };
    call!(setting, called, messages::list_named, &BTreeSet::from([(conversation.as_uuid(), 1)]));
    call!(setting, called, messages::list_live_between, &[open, closed]);
    call!(setting, called, messages::figures, &[conversation.as_uuid()]);
}

async fn call_directory(setting: &Setting, called: &mut BTreeSet<String>) {
    let (integration, some, ids) = (setting.integration, ["some".to_owned()], [Uuid::nil()]);
    call!(setting, called, directory::list_contacts, &ids);
    call!(setting, called, directory::list_contacts_related, &ids, &some);
    call!(setting, called, directory::list_contacts_by_external_id, &some);
    call!(setting, called, directory::list_companies_by_external_id, &some);
    call!(setting, called, directory::list_memberships, &ids);
    call!(setting, called, profiles::list_by_people_id, integration, &some);
    call!(setting, called, profiles::list_related, &ids, &some);
    call!(setting, called, profiles::list_after, integration, "", 1);
    call!(setting, called, profiles::count, integration);
}

async fn call_hooks(setting: &Setting, called: &mut BTreeSet<String>) {
    let (integration, some) = (setting.integration, ["some".to_owned()]);
    call!(setting, called, hooks::list_pending, integration, now(), hooks::BatchSize { hooks: 1, bytes: 1 });
    call!(setting, called, hooks::next_retry, integration);
    call!(setting, called, hooks::list_backlogged);
    call!(setting, called, hooks::list_events_between, integration, &["session:removed"], (now(), now()));
    call!(setting, called, hooks::list_people_heard, integration, "people:profile:removed", &some, now());
    call!(setting, called, wanted::any_since, integration, "messages not found", now());
    call!(setting, called, conversations::any_removed_between, integration, (now(), now()));
    call!(setting, called, wanted::list_due, integration, now(), 1);
    call!(setting, called, wanted::next_due, integration);
    call!(setting, called, wanted::count_in_doubt, integration);
    call!(setting, called, dead_letters::list, None, 1);
}

async fn call_lists(setting: &Setting, called: &mut BTreeSet<String>) {
    use views::contacts::{Filter, Source};
    let company = setting.add_company("Acme").await;
    let contact = setting.add_contact("Ana", &[company]).await;
    setting.add_profile("p1", contact).await;
    let every = Filter {
        email: EmailKey::parse("ana@acme.example"),
        people_id: Some(PeopleId::new("p1")),
        source: Source::Crisp,
        search: Some("ana".to_owned()),
    };
    call!(setting, called, views::contacts::list, &Filter::default(), None, 1);
    call!(setting, called, views::contacts::list, &every, Some(Uuid::nil()), 1);
    call!(setting, called, views::contacts::find, ContactId::from(contact));
    call!(setting, called, views::companies::list, Some("acme"), None, 1);
    call!(setting, called, views::companies::find, "acme");
    call!(setting, called, views::support::find, "acme", now());
}

async fn call_conversation_lists(setting: &Setting, called: &mut BTreeSet<String>) {
    use views::Newest;
    use views::conversations::{Filter, Scope};
    use views::messages::InThread;
    let id = SessionId::new("session_1");
    let filter = Filter { status: Some(Status::Pending), search: Some("some".to_owned()) };
    let after = Newest { at: Some(now()), id: Uuid::nil() };
    for scope in [
        Scope::Account,
        Scope::Contact(ContactId::new_v7(now())),
        Scope::Company(CompanyId::new_v7(now())),
        Scope::ExternalId(&id),
    ] {
        call!(setting, called, views::conversations::list, scope, &filter, Some(after), 1);
    }
    let conversation = ConversationId::new_v7(now());
    let position = InThread { sent_at: now(), fingerprint: 1 };
    call!(setting, called, views::conversations::find, conversation);
    call!(setting, called, views::messages::list, conversation, None, 1);
    call!(setting, called, views::messages::list, conversation, Some(position), 1);
    call!(setting, called, views::messages::list_newest, conversation, None, 1);
    call!(setting, called, views::messages::list_newest, conversation, Some(position), 1);
}

async fn call_figures(setting: &Setting, called: &mut BTreeSet<String>) {
    use views::skipped::Filter;
    let integration = setting.integration;
    call!(setting, called, views::freshness::list);
    call!(setting, called, views::skipped::list, integration, &Filter::default(), None, 1);
    call!(setting, called, views::skipped::find, integration, "session_1");
    call!(setting, called, views::skipped::count, integration);
}

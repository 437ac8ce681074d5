//! `Debug` of rows: it says which row it is and nothing of what it holds, so that no log line can.

/// `Debug` that shows which row it is; the rest is personal.
macro_rules! discreet_debug {
    ($($row:ident: $id:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $row {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.debug_struct(stringify!($row)).field(stringify!($id), &self.$id).finish_non_exhaustive()
            }
        }
    )+};
}
pub(crate) use discreet_debug;

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use crisp_client::SessionId;
    use crisp_domain::email::EmailKey;
    use crisp_domain::ids::{AccountId, ConversationId, IntegrationId};
    use serde_json::json;
    use uuid::Uuid;

    use crate::conversations::ConversationRow;
    use crate::directory::{CompanyRow, ContactRow};
    use crate::hooks::{NewHook, PendingHook};
    use crate::integrations::IntegrationRow;
    use crate::matches::CandidateRow;
    use crate::messages::MessageRow;
    use crate::profiles::ProfileRow;
    use crate::views::contacts::{self, CompanyName};
    use crate::views::{self, skipped};

    const SAID: &str = "canary";

    fn text() -> String {
        SAID.to_owned()
    }

    /// As text and as a list of bytes.
    fn is_discreet(row: &impl std::fmt::Debug) {
        let shown = format!("{row:?} {row:#?}");
        let bytes = format!("{:?}", SAID.as_bytes());
        assert!(!shown.contains(SAID) && !shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
        assert!(!shown.contains("99, 97, 110") && !shown.contains("99,\n"), "{shown}");
    }

    fn rows_of_people() -> (ContactRow, ProfileRow, ConversationRow, MessageRow) {
        let now = DateTime::UNIX_EPOCH;
        let id = Uuid::nil();
        let mut contact = ContactRow::new(id, now);
        (contact.email, contact.name) = (Some(text()), Some(text()));
        contact.attributes = json!({ SAID: SAID });
        let profile = ProfileRow {
            integration_id: id,
            people_id: "people-1".to_owned(),
            contact_id: id,
            email: Some(text()),
            email_key: Some(text()),
            raw: json!({ SAID: SAID }),
            data: Some(json!(SAID)),
            active_last: None,
            crisp_updated_at: None,
            hooked_at: None,
            hook_stamp: None,
        };
        let session = SessionId::new("session_1");
        let mut conversation =
            ConversationRow::new(ConversationId::new_v7(now), IntegrationId::new_v7(now), &session);
        (conversation.email, conversation.nickname, conversation.subject) =
            (Some(text()), Some(text()), Some(text()));
        let message = MessageRow {
            conversation_id: Uuid::nil(),
            fingerprint: 1,
            id,
            direction: None,
            internal: false,
            kind: None,
            body: Some(text()),
            content: Some(json!(SAID)),
            sender_name: Some(text()),
            sender_id: None,
            sent_at: None,
            sent_at_assumed: false,
            edited_at: None,
            removed_at: None,
            content_stamp_ms: None,
            content_hooked_at: None,
        };
        (contact, profile, conversation, message)
    }

    #[test]
    fn what_is_looked_for_is_not_shown() {
        is_discreet(&contacts::Filter {
            email: EmailKey::parse("canary@x.example"),
            search: Some(text()),
            ..contacts::Filter::default()
        });
        is_discreet(&views::conversations::Filter { status: None, search: Some(text()) });
        is_discreet(&skipped::Filter { reason: None, search: Some(text()) });
    }

    #[test]
    fn rows_say_which_they_are_and_nothing_of_what_they_hold() {
        let now = DateTime::UNIX_EPOCH;
        let id = Uuid::nil();
        let (contact, profile, conversation, message) = rows_of_people();
        is_discreet(&contact);
        is_discreet(&profile);
        is_discreet(&conversation);
        is_discreet(&message);
        let (account, integration) = (AccountId::new_v7(now), IntegrationId::new_v7(now));
        let mut row = IntegrationRow::draft(account, integration, SAID.to_owned(), json!({}), now);
        row.install_nonce = Some(SAID.into());
        row.website_token = Some(SAID.into());
        is_discreet(&row);
        is_discreet(&CandidateRow {
            contact_id: id,
            email_key: Some(text()),
            people_ids: Vec::new(),
            last_active_at: None,
            created_at: now,
        });
        is_discreet(&CompanyRow { id, external_id: "c1".to_owned(), name: Some(text()) });
        is_discreet(&CompanyName { external_id: "c1".to_owned(), name: Some(text()) });
        is_discreet(&NewHook {
            id,
            integration_id: integration,
            dedupe_key: Vec::new(),
            event: "message:send".to_owned(),
            session_id: None,
            people_id: None,
            crisp_at: None,
            body: SAID.into(),
        });
        is_discreet(&PendingHook {
            id,
            event: "message:send".to_owned(),
            session_id: None,
            people_id: None,
            crisp_at: None,
            body: SAID.into(),
            received_at: now,
            attempts: 0,
        });
    }
}

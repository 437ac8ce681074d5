//! A migrated database of one's own, with an account and an integration in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use crisp_client::SessionId;
use crisp_domain::ids::{AccountId, ConversationId, IntegrationId, uuid_v7};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::directory::{self, CompanyRow, ContactRow, Membership};
use crisp_storage::integrations::{self, IntegrationRow};
use crisp_storage::messages::{self, MessageRow};
use crisp_storage::profiles::{self, ProfileRow};
use crisp_storage::{AccountSession, Database, DatabaseOptions};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// When everything in these tests happens: a Monday.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-16T09:00:00Z".parse().unwrap()
}

/// Some seconds after (or before) [`now`].
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

pub(crate) struct Setting {
    pub(crate) database: Database,
    pub(crate) account: AccountId,
    pub(crate) integration: IntegrationId,
    server: testkit::postgres::Database,
}

impl Setting {
    pub(crate) async fn new() -> Self {
        let server = testkit::postgres::Database::fresh(&template_key(), async |url| {
            Ok(Database::connect(DatabaseOptions::new(url.into()))?.migrate().await?)
        })
        .await
        .unwrap();
        let database = Database::connect(DatabaseOptions::new(server.url().into())).unwrap();
        let account = AccountId::new_v7(now());
        let setting = Self { database, account, integration: IntegrationId::new_v7(now()), server };
        setting.add_integration(account, setting.integration).await;
        setting
    }

    /// Every row of every table as text.
    pub(crate) async fn dump(&self) -> String {
        self.server.dump().await.unwrap()
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    pub(crate) async fn add_integration(&self, account: AccountId, id: IntegrationId) {
        let mut row = IntegrationRow::draft(account, id, "code".to_owned(), serde_json::json!({}), now());
        row.state = "active".to_owned();
        row.website_id = Some(Uuid::from_u128(7));
        row.synced_at = Some(at(-60));
        let mut session = self.database.write(account).await.unwrap();
        integrations::insert(&mut session, &row).await.unwrap();
        session.commit().await.unwrap();
    }

    pub(crate) async fn read(&self) -> AccountSession {
        self.database.read(self.account).await.unwrap()
    }

    pub(crate) async fn write(&self) -> AccountSession {
        self.database.write(self.account).await.unwrap()
    }

    /// A stored contact of this name, who belongs to these companies.
    pub(crate) async fn add_contact(&self, name: &str, companies: &[Uuid]) -> Uuid {
        let id = uuid_v7(now());
        let mut row = ContactRow::new(id, now());
        row.name = Some(name.to_owned());
        row.email = Some(format!("{name}@Acme.example"));
        row.email_key = Some(format!("{}@acme.example", name.to_lowercase()));
        let memberships: Vec<Membership> = companies
            .iter()
            .zip(0..)
            .map(|(company, position)| Membership { contact_id: id, company_id: *company, position })
            .collect();
        let mut session = self.write().await;
        directory::save_contacts(&mut session, &[row], now()).await.unwrap();
        directory::replace_memberships(&mut session, &[id], &memberships).await.unwrap();
        session.commit().await.unwrap();
        id
    }

    /// A stored company; its external id is its name in lower case.
    pub(crate) async fn add_company(&self, name: &str) -> Uuid {
        let id = uuid_v7(now());
        let row = CompanyRow { id, external_id: name.to_lowercase(), name: Some(name.to_owned()) };
        let mut session = self.write().await;
        directory::save_companies(&mut session, &[row], now()).await.unwrap();
        session.commit().await.unwrap();
        id
    }

    pub(crate) async fn add_profile(&self, people_id: &str, contact_id: Uuid) {
        let row = ProfileRow {
            integration_id: self.integration.as_uuid(),
            people_id: people_id.to_owned(),
            contact_id,
            email: None,
            email_key: None,
            raw: serde_json::json!({}),
            data: None,
            active_last: None,
            crisp_updated_at: None,
            hooked_at: None,
            hook_stamp: None,
        };
        let mut session = self.write().await;
        profiles::save(&mut session, self.integration, &[row], now()).await.unwrap();
        session.commit().await.unwrap();
    }

    /// A conversation that was last updated `seconds` after [`now`]; not stored.
    pub(crate) fn conversation(&self, session_id: &str, seconds: i64) -> ConversationRow {
        let id = ConversationId::new_v7(now());
        let mut row = ConversationRow::new(id, self.integration, &SessionId::new(session_id));
        row.crisp_created_at = Some(at(seconds - 100));
        row.crisp_updated_at = Some(at(seconds));
        row
    }

    /// Stores conversations with their links to companies.
    pub(crate) async fn save_conversations(&self, rows: &[ConversationRow]) {
        let mut session = self.write().await;
        conversations::save(&mut session, self.integration, rows, now()).await.unwrap();
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        conversations::link_companies(&mut session, &ids).await.unwrap();
        session.commit().await.unwrap();
    }

    pub(crate) async fn save_messages(&self, rows: &[MessageRow]) {
        let mut session = self.write().await;
        messages::save(&mut session, rows, now()).await.unwrap();
        session.commit().await.unwrap();
    }
}

/// A visitor's message that was sent `seconds` after [`now`]; not stored.
pub(crate) fn message(conversation: Uuid, fingerprint: i64, seconds: i64) -> MessageRow {
    MessageRow {
        conversation_id: conversation,
        fingerprint,
        id: uuid_v7(now()),
        direction: Some("inbound".to_owned()),
        internal: false,
        kind: Some("text".to_owned()),
        body: Some(format!("message {fingerprint}")),
        content: None,
        sender_name: Some("Ana".to_owned()),
        sender_id: None,
        sent_at: Some(at(seconds)),
        edited_at: None,
        removed_at: None,
        content_stamp_ms: None,
        content_hooked_at: None,
        sent_at_assumed: false,
    }
}

/// A connection past everything that the crate does.
pub(crate) async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Another database for other migrations.
fn template_key() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut folders: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut hash = Sha256::new();
    for folder in folders {
        hash.update(std::fs::read(folder.join("up.sql")).unwrap());
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

use crisp_client::PeopleId;
use crisp_domain::email::EmailKey;
use crisp_domain::ids::{AccountId, ContactId, IntegrationId};
use crisp_storage::views::contacts::{self, CompanyName, Filter, Source};
use uuid::Uuid;

use crate::setting::{Setting, now};

async fn listed(setting: &Setting, filter: Filter) -> Vec<Uuid> {
    let found = contacts::list(&mut setting.read().await, &filter, None, 50).await.unwrap();
    found.into_iter().map(|contact| contact.id).collect()
}

#[tokio::test]
async fn a_contact_comes_with_its_people_ids_and_its_companies_in_the_order_given() {
    let setting = Setting::new().await;
    let (zeta, acme) = (setting.add_company("Zeta").await, setting.add_company("Acme").await);
    let ana = setting.add_contact("Ana", &[zeta, acme]).await;
    setting.add_profile("p2", ana).await;
    setting.add_profile("p1", ana).await;

    let mut session = setting.read().await;
    let found = contacts::find(&mut session, ContactId::from(ana)).await.unwrap().unwrap();
    assert_eq!(found.crisp_people_ids, ["p1", "p2"]);
    let company = |external_id: &str, name: &str| CompanyName {
        external_id: external_id.to_owned(),
        name: Some(name.to_owned()),
    };
    assert_eq!(found.companies, [company("zeta", "Zeta"), company("acme", "Acme")]);
    assert_eq!((found.name.as_deref(), found.email.as_deref()), (Some("Ana"), Some("Ana@Acme.example")));
    assert_eq!((found.created_at, found.updated_at), (now(), now()));
    assert_eq!(format!("{found:?}"), format!("ContactView {{ id: {ana}, .. }}"));
    assert_eq!(contacts::find(&mut session, ContactId::from(zeta)).await.unwrap(), None);
}

#[tokio::test]
async fn a_person_whom_two_websites_know_by_one_id_has_that_id_once() {
    let mut setting = Setting::new().await;
    let ana = setting.add_contact("Ana", &[]).await;
    setting.add_profile("p1", ana).await;
    setting.integration = IntegrationId::new_v7(now());
    setting.add_integration(setting.account, setting.integration).await;
    setting.add_profile("p1", ana).await;
    setting.add_profile("p2", ana).await;
    let found = contacts::find(&mut setting.read().await, ContactId::from(ana)).await.unwrap().unwrap();
    assert_eq!(found.crisp_people_ids, ["p1", "p2"]);
}

#[tokio::test]
async fn contacts_are_found_by_email_people_id_source_and_text() {
    let setting = Setting::new().await;
    let (ana, ben) = (setting.add_contact("Ana", &[]).await, setting.add_contact("Ben", &[]).await);
    setting.add_profile("p1", ana).await;

    let by_email = |text: &str| Filter { email: EmailKey::parse(text), ..Filter::default() };
    let by_people_id = |id: &str| Filter { people_id: Some(PeopleId::new(id)), ..Filter::default() };
    let by_text = |text: &str| Filter { search: Some(text.to_owned()), ..Filter::default() };
    assert_eq!(listed(&setting, Filter::default()).await.len(), 2);
    assert_eq!(listed(&setting, by_email(" BEN@acme.EXAMPLE ")).await, [ben]);
    assert_eq!(listed(&setting, by_people_id("p1")).await, [ana]);
    assert!(listed(&setting, by_people_id("p2")).await.is_empty());
    assert_eq!(listed(&setting, Filter { source: Source::Crisp, ..Filter::default() }).await, [ana]);
    assert_eq!(listed(&setting, by_text("ben@")).await, [ben]);
    assert!(listed(&setting, by_text("%")).await.is_empty());
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let setting = Setting::new().await;
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(setting.add_contact(&format!("c{number}"), &[]).await);
    }
    all.sort();
    let (mut session, mut seen, mut after) = (setting.read().await, Vec::new(), None);
    loop {
        let page = contacts::list(&mut session, &Filter::default(), after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.position());
        seen.extend(page.iter().map(|contact| contact.id));
    }
    assert_eq!(seen, all);
}

#[tokio::test]
async fn another_account_sees_nothing() {
    let setting = Setting::new().await;
    let ana = setting.add_contact("Ana", &[]).await;
    let stranger = AccountId::new_v7(now());
    setting.add_integration(stranger, IntegrationId::new_v7(now())).await;
    let mut session = setting.database.read(stranger).await.unwrap();
    assert_eq!(contacts::list(&mut session, &Filter::default(), None, 50).await.unwrap(), []);
    assert_eq!(contacts::find(&mut session, ContactId::from(ana)).await.unwrap(), None);
}

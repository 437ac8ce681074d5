use crisp_storage::views::companies::{self, CompanyView};

use crate::setting::{Setting, at};

fn names(found: &[CompanyView]) -> Vec<&str> {
    found.iter().filter_map(|company| company.name.as_deref()).collect()
}

#[tokio::test]
async fn companies_are_listed_by_name_page_by_page_and_found_by_text() {
    let setting = Setting::new().await;
    for name in ["beta", "Alpha", "Gamma", "alpine"] {
        setting.add_company(name).await;
    }
    let mut session = setting.read().await;
    let whole = companies::list(&mut session, None, None, 50).await.unwrap();
    assert_eq!(names(&whole), ["Alpha", "alpine", "beta", "Gamma"]);
    let first = companies::list(&mut session, None, None, 3).await.unwrap();
    let after = first.last().map(CompanyView::position);
    let rest = companies::list(&mut session, None, after.as_ref(), 3).await.unwrap();
    assert_eq!((names(&first), names(&rest)), (vec!["Alpha", "alpine", "beta"], vec!["Gamma"]));
    let found = companies::list(&mut session, Some("ALP"), None, 50).await.unwrap();
    assert_eq!(names(&found), ["Alpha", "alpine"]);
}

#[tokio::test]
async fn a_company_tells_when_its_newest_conversation_was_updated() {
    let setting = Setting::new().await;
    let (acme, quiet) = (setting.add_company("Acme").await, setting.add_company("Quiet").await);
    let ana = setting.add_contact("Ana", &[acme]).await;
    let mut rows = [setting.conversation("s1", 10), setting.conversation("s2", 20)];
    for row in &mut rows {
        row.contact_id = Some(ana);
    }
    setting.save_conversations(&rows).await;
    let mut session = setting.read().await;
    let found = companies::find(&mut session, "acme").await.unwrap().unwrap();
    assert_eq!((found.id, found.last_conversation_at), (acme, Some(at(20))));
    let found = companies::find(&mut session, "quiet").await.unwrap().unwrap();
    assert_eq!((found.id, found.last_conversation_at), (quiet, None));
    assert_eq!(companies::find(&mut session, "Acme").await.unwrap(), None);
}

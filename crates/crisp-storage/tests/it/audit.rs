use crisp_domain::ids::IntegrationId;
use crisp_storage::audit::{append, list};
use serde_json::json;

use crate::setting::{Setting, at};

#[tokio::test]
async fn entries_are_read_newest_first_page_by_page_and_by_integration() {
    let setting = Setting::new().await;
    let (one, two) = (setting.integration, IntegrationId::new_v7(at(0)));
    let mut session = setting.write().await;
    for second in 0..5 {
        let integration = if second % 2 == 0 { one } else { two };
        let detail = json!({ "second": second });
        append(&mut session, "somebody", "sync.triggered", Some(integration), &detail, at(second))
            .await
            .unwrap();
    }
    append(&mut session, "system", "keys.rotated", None, &json!({}), at(5)).await.unwrap();
    session.commit().await.unwrap();

    let mut session = setting.read().await;
    let first = list(&mut session, None, None, 2).await.unwrap();
    assert_eq!(first.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(5), at(4)]);
    let rest = list(&mut session, None, Some(first[1].id), 50).await.unwrap();
    assert_eq!(rest.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(3), at(2), at(1), at(0)]);
    let of_two = list(&mut session, Some(two), None, 50).await.unwrap();
    assert_eq!(
        of_two.iter().map(|entry| entry.detail["second"].as_i64()).collect::<Vec<_>>(),
        [Some(3), Some(1)]
    );
    assert_eq!((of_two[0].actor.as_str(), of_two[0].action.as_str()), ("somebody", "sync.triggered"));
}

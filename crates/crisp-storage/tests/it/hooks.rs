use crisp_domain::ids::uuid_v7;
use crisp_storage::hooks::{self, BatchSize, Body, NewHook};
use uuid::Uuid;

use crate::setting::{Setting, at, client, now};

/// Stores hooks with bodies of these sizes, one a second.
async fn stored(setting: &Setting, sizes: &[usize]) -> Vec<Uuid> {
    let hook = |(place, size): (usize, &usize)| NewHook {
        id: uuid_v7(at(i64::try_from(place).unwrap())),
        integration_id: setting.integration,
        dedupe_key: place.to_be_bytes().into(),
        event: "message:send".to_owned(),
        session_id: None,
        people_id: None,
        crisp_at: None,
        body: vec![b' '; *size],
    };
    let new: Vec<NewHook> = sizes.iter().enumerate().map(hook).collect();
    let mut session = setting.write().await;
    hooks::store(&mut session, setting.integration, &new, now()).await.unwrap();
    session.commit().await.unwrap();
    new.iter().map(|hook| hook.id).collect()
}

#[tokio::test]
async fn a_batch_is_bounded_by_bytes_as_well_and_is_never_empty() {
    let setting = Setting::new().await;
    let ids = stored(&setting, &[5_000, 400, 400, 400, 2_000, 1]).await;
    for (most, taken) in [((9, 1), 1), ((9, 5_799), 2), ((9, 6_200), 4), ((2, 9_000), 2), ((9, 9_000), 6)] {
        let most = BatchSize { hooks: most.0, bytes: most.1 };
        let mut session = setting.read().await;
        let pending = hooks::list_pending(&mut session, setting.integration, at(60), most).await.unwrap();
        let pending: Vec<Uuid> = pending.iter().map(|hook| hook.id).collect();
        assert_eq!(pending, ids[..taken], "{most:?}");
    }
}

#[tokio::test]
async fn hooks_are_forgotten_in_parts_the_oldest_first() {
    let setting = Setting::new().await;
    let ids = stored(&setting, &[1; 7]).await;
    let mut session = setting.write().await;
    for (id, place) in ids[..5].iter().zip(0..) {
        hooks::mark_applied(&mut session, &[*id], "applied", Body::Kept, at(place)).await.unwrap();
    }
    hooks::put_off(&mut session, ids[5], "it was odd", None, at(0)).await.unwrap();
    let mut forgotten = Vec::new();
    for _ in 0..3 {
        forgotten.push(hooks::forget_applied(&mut session, at(4), 3).await.unwrap());
        forgotten.push(hooks::forget_dead_bodies(&mut session, at(4), 3).await.unwrap());
    }
    session.commit().await.unwrap();
    assert_eq!(forgotten, [3, 1, 1, 0, 0, 0]);
    let client = client(setting.url()).await;
    let left = client.query("select id, octet_length(body) from hooks order by id", &[]).await.unwrap();
    let left: Vec<(Uuid, i32)> = left.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(left, [(ids[4], 1), (ids[5], 0), (ids[6], 1)]);
}

use std::time::{Duration, Instant};

use crisp_client::SessionId;
use crisp_domain::{ContactId, ConversationId, IntegrationId};
use crisp_storage::conversations::{self, ConversationRow};
use crisp_storage::views;
use crisp_sync::directory::{self, ContactChange, Field};
use testkit::simulator::Options;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::world::{World, now};

/// How often each page is asked for.
const SAMPLES: usize = 15;

/// A company with so many conversations, all of one contact.
async fn company(world: &World, integration: Uuid, name: &str, count: i64) -> String {
    let contact = ContactChange {
        external_id: format!("contact of {name}"),
        email: Field::Set(format!("{name}@speed.example")),
        companies: Some(vec![name.to_owned()]),
        ..ContactChange::default()
    };
    directory::put_contact(&world.engine, world.account.into(), "tester", contact).await.unwrap();
    let mut session = world.engine.database().write(world.account.into()).await.unwrap();
    let wanted = views::contacts::Filter { search: Some(format!("{name}@")), ..Default::default() };
    let contact = views::contacts::list(&mut session, &wanted, None, 1).await.unwrap().remove(0);
    let integration = IntegrationId::from(integration);
    let rows: Vec<ConversationRow> = (0..count)
        .map(|number| {
            let id = ConversationId::new_v7(now());
            let mut row =
                ConversationRow::new(id, integration, &SessionId::new(format!("session_{name}_{number}")));
            row.subject = Some(format!("Conversation {number}"));
            row.contact_id = Some(ContactId::from(contact.id).as_uuid());
            row.matched_by = Some("email".to_owned());
            row.crisp_updated_at = now().checked_sub_signed(chrono::TimeDelta::minutes(number));
            row.crisp_created_at = row.crisp_updated_at;
            row
        })
        .collect();
    for rows in rows.chunks(1_000) {
        conversations::save(&mut session, integration, rows, now()).await.unwrap();
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        conversations::link_companies(&mut session, &ids).await.unwrap();
    }
    session.commit().await.unwrap();
    format!("/companies/{name}")
}

/// From the request to the first byte of the page, over a connection of its own.
async fn first_byte(address: std::net::SocketAddr, path: &str, token: &str) -> Duration {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\ncookie: crisp_session={token}\r\nconnection: close\r\n\r\n"
    );
    let begun = Instant::now();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !read.windows(9).any(|part| part == b"<!doctype") {
        let mut some = [0; 4_096];
        let count = connection.read(&mut some).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(some.get(..count).unwrap_or_default());
    }
    let took = begun.elapsed();
    connection.read_to_end(&mut read).await.unwrap();
    let page = String::from_utf8_lossy(&read);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Support at a glance"), "{page}");
    took
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_byte_of_ten_thousand_conversations_takes_at_most_three_times_that_of_ten() {
    let world = World::of(Options::of_size(1, 1)).await;
    let integration: Uuid = world.connected().await.rsplit('/').next().unwrap().parse().unwrap();
    let few = company(&world, integration, "few", 10).await;
    let many = company(&world, integration, "many", 10_000).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(axum::serve(listener, world.router()).into_future());
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    // Side by side, so that whatever else the machine does slows both alike; the first round only warms up.
    for round in 0..=SAMPLES {
        let (small, large) =
            (first_byte(address, &few, &world.admin).await, first_byte(address, &many, &world.admin).await);
        if round > 0 {
            of_few.push(small);
            of_many.push(large);
        }
    }
    served.abort();
    let (small, large) = (median(of_few), median(of_many));
    let ratio = large.as_secs_f64() / small.as_secs_f64();
    println!("first byte: {small:?} with 10 conversations, {large:?} with 10,000: {ratio:.2} times");
    assert!(ratio <= 3.0, "{large:?} instead of {small:?}: {ratio:.2} times");
}

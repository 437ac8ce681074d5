//! `kill -9` while web hooks arrive.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::simulator::{Options, SignedHook, Simulator};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::socket::delivery;
use crate::working::Working;
use crate::world::{Serving, World};

const KILLS: usize = 8;
const POSTERS: usize = 16;
/// Everything that follows from chance follows from this.
const SEED: u64 = 7;
/// How long anything may take before it counts as stuck.
const PATIENCE: Duration = Duration::from_mins(2);
/// Fingerprints of what the hooks of this test say; nothing else has such.
const FIRST: i64 = 176_722_560_000_000;

/// The answer's status; `None` where there was none.
async fn post(address: &str, hook: &SignedHook) -> Option<u16> {
    let answer = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(delivery(address, hook).as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
    };
    tokio::time::timeout(Duration::from_secs(10), answer).await.ok().flatten()
}

/// What the posters share.
struct Post {
    crisp: Simulator,
    address: String,
    sessions: Vec<String>,
    next: AtomicI64,
    over: AtomicBool,
}

/// Fingerprints of the messages that one poster told of: those that were acknowledged, and those that were not.
#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<i64>,
    unanswered: BTreeSet<i64>,
}

impl Post {
    fn hook(&self, fingerprint: i64) -> SignedHook {
        let website = self.crisp.website_ids()[0];
        let number = usize::try_from(fingerprint - FIRST).unwrap();
        let (session, now) =
            (&self.sessions[number % self.sessions.len()], crisp_http::now().timestamp_millis());
        let data = json!({"website_id": website, "session_id": session, "inbox_id": null, "type": "text", "from": "user",
            "origin": "chat", "content": format!("message {number}"), "stamped": true, "fingerprint": fingerprint,
            "timestamp": now, "user": {"user_id": session, "nickname": "Ana Example"}});
        let envelope =
            json!({"website_id": website, "event": "message:send", "data": data, "timestamp": now});
        self.crisp.signed_hook(&envelope)
    }

    /// Tells of one message after the other. Every other one it tells again and again until it is taken, as Crisp does;
    /// of the rest it tells once.
    async fn tell(self: Arc<Self>) -> Told {
        let mut told = Told::default();
        while !self.over.load(Ordering::Relaxed) {
            let fingerprint = self.next.fetch_add(1, Ordering::Relaxed);
            let hook = self.hook(fingerprint);
            let mut taken = post(&self.address, &hook).await == Some(200);
            while !taken && fingerprint % 2 == 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                taken = post(&self.address, &hook).await == Some(200);
            }
            let list = if taken { &mut told.acknowledged } else { &mut told.unanswered };
            list.insert(fingerprint);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        told
    }
}

/// Kills the server again and again at any moment, and starts it again as a supervisor would.
async fn strike(world: &World, mut server: Serving) -> Serving {
    let mut chance = fastrand::Rng::with_seed(SEED);
    let address = server.address.clone();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(chance.u64(100..900))).await;
        server.process.kill();
        server = world.serve(&[], &[("API_LISTEN", &address)]).await;
    }
    server
}

async fn until_it_is_so(what: &str, is_so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_is_there_and_applied_once() {
    let world = World::with(Options::of_size(40, 40)).await;
    let server = world.serve(&[], &[]).await;
    let sync = world.queued_sync(&server).await;
    let _working = Working::beside(&world).await;
    until_it_is_so("the import is done", async || {
        server.get(&format!("/v1/syncs/{sync}")).await.json()["state"] == "succeeded"
    })
    .await;
    let truth = world.crisp.truth(world.crisp.website_ids()[0]);
    let shown = truth.conversations().filter(|one| one.people_id.is_some() && one.messages > 0);
    let post = Arc::new(Post {
        crisp: world.crisp.clone(),
        address: server.address.clone(),
        sessions: shown.map(|one| one.session_id).collect(),
        next: AtomicI64::new(FIRST),
        over: AtomicBool::new(false),
    });
    let posters: Vec<_> = (0..POSTERS).map(|_| tokio::spawn(Arc::clone(&post).tell())).collect();
    let server = strike(&world, server).await;
    post.over.store(true, Ordering::Relaxed);
    let mut told = Told::default();
    for poster in posters {
        let of_one = poster.await.unwrap();
        told.acknowledged.extend(of_one.acknowledged);
        told.unanswered.extend(of_one.unanswered);
    }
    println!("{} acknowledged, {} not, {KILLS} kills", told.acknowledged.len(), told.unanswered.len());
    assert!(told.acknowledged.len() > 20 && !told.unanswered.is_empty(), "nothing was in flight");

    let sql = testkit::postgres::connect(&world.url).await.unwrap();
    until_it_is_so("every hook is applied", async || {
        let pending = "select count(*) from hooks where applied_at is null";
        sql.query_one(pending, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    let stored = "select fingerprint from messages where fingerprint >= $1 and fingerprint < $1 + 1000000 and body is not null";
    let rows = sql.query(stored, &[&FIRST]).await.unwrap();
    let messages: BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(messages.len(), rows.len(), "nothing is doubled");
    let lost: Vec<_> = told.acknowledged.difference(&messages).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let invented: Vec<_> = messages
        .iter()
        .filter(|one| !told.acknowledged.contains(one) && !told.unanswered.contains(one))
        .collect();
    assert!(invented.is_empty(), "{invented:?}");
    let counted = "select count(*) from conversations c where c.message_count <> (select count(*) from messages m \
         where m.conversation_id = c.id and m.removed_at is null)";
    assert_eq!(sql.query_one(counted, &[]).await.unwrap().get::<_, i64>(0), 0, "counts follow the rows");
    assert_eq!(server.get("/readyz").await.status, 200);
}

//! C1–C9, D1, V1–V3, M4, M6: the console in a real browser, with and without scripts, in light and dark.
//!
//! Needs Chromium, Node and two npm packages. What is missing is installed where that can be done; else the test says
//! loudly that it looked at nothing, and passes.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::Path as AxumPath;
use axum::http::StatusCode;
use axum::routing::post;
use crisp_http::auth::Verifier;
use crisp_http::routes::{Guards, LimitOptions, Limits};
use crisp_http::server::{ServerOptions, serve};
use crisp_http::{App, AppState, Http};
use crisp_sync::directory::{self, Batch, CompanyChange, ContactChange, Field};
use crisp_sync::syncs::SyncKind;
use serde_json::json;
use testkit::simulator::{NewConversation, NewMessage, NewPerson, Options, Quota, Side, WebsiteOptions};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::stage::{Setup, Stage, now};

const SECRET: &str = "the browser's tests sign their own tokens";
/// What Chromium is called, on PATH.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
/// Everything that a visitor may try to be more than text.
const HOSTILE: &str = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\" ' </textarea></title> {{7*7}} javascript:alert(1)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_works_in_a_real_browser() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let chromium = match prepare(&folder).await {
        Ok(chromium) => chromium,
        Err(missing) => return skip(&missing),
    };
    let fresh = WebsiteOptions::of_size(240, 420).named("Fresh Workspace").not_installed();
    let plain = WebsiteOptions::of_size(30, 20).named("Plain Workspace").not_installed();
    let stranger = WebsiteOptions::of_size(3, 2).named("Never Installed").not_installed();
    let unproven = WebsiteOptions::of_size(3, 2).named("Installed By Others");
    let recent = |website| WebsiteOptions { history_days: 70, ..website };
    let options = Options::of_size(140, 120)
        .each_website(recent)
        .seed(11)
        .website(fresh)
        .website(plain)
        .website(stranger)
        .website(unproven);
    let stage = Stage::connected(options, Setup { quota: Some(5_000), ..Setup::default() }).await?;
    let facts = believable(&stage).await?;
    stage.sync(SyncKind::Full).await?;
    stage.sync(SyncKind::Incremental).await?;
    let (base, stop) = serve_console(&stage).await?;
    stage.sim.set_plugin(|plugin| plugin.callback_url = Some(format!("{base}/crisp/callback")));
    stage.sim.behave(|behaviour| behaviour.latency_ms = 15);
    let websites = stage.sim.website_ids();
    let (control, mut wishes) = serve_control().await?;
    let scene = json!({
        "base": base, "control": control, "chromium": chromium,
        "website": stage.website.to_string(), "unproven": websites[4],
        "admin": token(&stage, &["integrations:manage", "conversations:read"])?,
        "reader": token(&stage, &["conversations:read"])?,
        "integration": stage.integration.to_string(),
        "fresh": websites[1], "plain": websites[2], "stranger": websites[3],
        "hostile": facts.hostile, "company": facts.company, "contact": facts.contact, "skipped": facts.skipped,
    });
    let mut run = Command::new("node")
        .arg("run.mjs")
        .arg(scene.to_string())
        .current_dir(&folder)
        .kill_on_drop(true)
        .spawn()?;
    let status = loop {
        tokio::select! {
            status = run.wait() => break status?,
            Some(wish) = wishes.recv() => wish.grant(&stage),
        }
    };
    stop.cancel();
    ensure!(status.success(), "the browser's tests failed; their lines stand above");
    stage.close().await
}

/// Says it past the capture of the test's output: a test that looked at nothing must not look like one that did.
fn skip(missing: &anyhow::Error) -> anyhow::Result<()> {
    let line = format!("\n!!! SKIPPED: the console was NOT looked at in a browser: {missing:#}\n\n");
    Ok(std::io::stderr().write_all(line.as_bytes())?)
}

/// How the browser's tests want Crisp to be.
struct Wish {
    what: String,
    value: u64,
    granted: oneshot::Sender<()>,
}

impl Wish {
    fn grant(self, stage: &Stage) {
        stage.sim.behave(|behaviour| match self.what.as_str() {
            "latency" => behaviour.latency_ms = self.value,
            _ => behaviour.quota = (self.value > 0).then(|| Quota::of(self.value, 600_000)),
        });
        // Who no longer waits for it has it all the same.
        let _gone = self.granted.send(());
    }
}

/// A door for the browser's tests to the simulated Crisp: `POST /latency/{ms}`, `POST /quota/{requests}`.
async fn serve_control() -> anyhow::Result<(String, mpsc::Receiver<Wish>)> {
    let (sender, wishes) = mpsc::channel(1);
    let ask = async move |AxumPath((what, value)): AxumPath<(String, u64)>| {
        let (granted, done) = oneshot::channel();
        let sent = sender.send(Wish { what, value, granted }).await.is_ok();
        if sent && done.await.is_ok() { StatusCode::OK } else { StatusCode::GONE }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/{what}/{value}", post(ask));
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok((address, wishes))
}

/// What the browser looks for.
struct Facts {
    hostile: String,
    company: String,
    contact: String,
    skipped: String,
}

/// A directory that knows most of the workspace's people, and a conversation that does its worst.
async fn believable(stage: &Stage) -> anyhow::Result<Facts> {
    let known = stage.sim.directory(stage.website);
    let company = |company: testkit::simulator::Company| CompanyChange {
        external_id: company.external_id,
        name: Field::Set(company.name),
    };
    let contact = |(number, member): (usize, testkit::simulator::Member)| ContactChange {
        external_id: format!("user-{number}"),
        email: Field::Set(member.email),
        name: Field::Set(member.name),
        companies: Some(vec![member.company_external_id]),
        ..ContactChange::default()
    };
    let contacts: Vec<_> = known.members().enumerate().map(contact).collect();
    let first = contacts.first().and_then(|one| one.companies.clone()).and_then(|mut all| all.pop());
    let batch = Batch { companies: known.companies().map(company).collect(), contacts };
    directory::batch(&stage.engine, stage.account, "tester", batch).await?;

    let change = stage.sim.change(stage.website);
    let person = change.create_person(NewPerson::named(HOSTILE, "mallory@hostile.example"));
    let new = NewConversation {
        people_id: Some(person),
        nickname: Some(HOSTILE.to_owned()),
        subject: Some(HOSTILE.to_owned()),
        ..NewConversation::default()
    };
    let hostile = change.start_conversation(new, HOSTILE);
    change.send(&hostile, NewMessage::note(&format!("Careful with this one: {HOSTILE}")))?;
    change.send(&hostile, NewMessage::text(Side::Operator, "Hello! How can I help?\nYours, Support"))?;
    let file = json!({"name": HOSTILE, "url": "javascript:alert(1)", "type": "text/html"});
    change.send(&hostile, NewMessage::of_kind("file", Side::User, file))?;
    let pdf = json!({"name": "invoice.pdf", "url": "https://storage.crisp.chat/invoice.pdf", "type": "application/pdf"});
    change.send(&hostile, NewMessage::of_kind("file", Side::User, pdf))?;
    let skipped =
        change.start_conversation(NewConversation::by_email("nobody@elsewhere.example"), "Anyone there?");
    Ok(Facts {
        hostile,
        company: first.context("a company")?,
        contact: "mallory@hostile.example".to_owned(),
        skipped,
    })
}

async fn serve_console(stage: &Stage) -> anyhow::Result<(String, CancellationToken)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let verifier = Verifier::hs256(&SECRET.into());
    let stop = CancellationToken::new();
    let http = Http {
        engine: stage.engine.clone(),
        hooks: None,
        verifier: verifier.clone(),
        public_url: base.parse()?,
        shutdown: stop.clone(),
    };
    let served = AppState::new(http);
    let guards = Guards::new(verifier, Limits::new(LimitOptions::default()));
    let guards = guards.with_page_refusal(crisp_console::page_refusal);
    let pages = crisp_console::routes().with_state(&served);
    let app = App::new(crisp_http::api(&served, Arc::new(String::new)).merge(pages), &guards);
    tokio::spawn(serve(app, listener, ServerOptions::default(), stop.clone()));
    Ok((base, stop))
}

fn token(stage: &Stage, permissions: &[&str]) -> anyhow::Result<String> {
    let claims = json!({
        "sub": "ada@custify.example",
        "account_id": stage.account.to_string(),
        "permissions": permissions,
        "exp": now().timestamp() + 3_600,
    });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    Ok(jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key)?)
}

/// Sees to it that there is a browser and what drives it.
async fn prepare(folder: &Path) -> anyhow::Result<PathBuf> {
    let chromium = match chromium() {
        Some(chromium) => chromium,
        None => installed_chromium().await?,
    };
    let installed: PathBuf = folder.join("node_modules/playwright-core");
    if !installed.exists() {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder)).await?;
    }
    Ok(chromium)
}

#[expect(clippy::disallowed_methods, reason = "where programs lie is no setting of ours")]
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut candidates = CHROMIUM.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|candidate| candidate.is_file())
}

async fn installed_chromium() -> anyhow::Result<PathBuf> {
    ensure!(nix::unistd::geteuid().is_root(), "there is no Chromium on PATH: apt-get install chromium");
    run(Command::new("apt-get").args(["update", "-qq"])).await?;
    let packages = ["install", "-y", "-qq", "--no-install-recommends", "chromium"];
    run(Command::new("apt-get").args(packages).env("DEBIAN_FRONTEND", "noninteractive")).await?;
    chromium().context("Chromium was installed and is not on PATH")
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = format!("{:?}", command.as_std());
    let status =
        command.stdout(Stdio::null()).status().await.with_context(|| format!("{shown} cannot be run"))?;
    ensure!(status.success(), "{shown} failed");
    Ok(())
}

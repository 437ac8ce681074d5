//! A simulated Crisp: its REST API, its install page, its web hooks, and the truth behind them.
//!
//! The simulator follows docs/crisp-api.md and is strict where Crisp is: wrong credentials, a page size out of
//! range or a website without the plugin get Crisp's own refusals, and anything that would write is refused and
//! remembered. It knows nothing of the crates it tests: its wire types are its own, so that a mistake in one of them
//! cannot cancel the same mistake here.
//!
//! Its world is drawn from a seed on demand. A website of a million people costs no more memory than the order of its
//! lists; what is changed through [`Simulator::change`] is kept beside it. [`Simulator::truth`] tells what is true, for
//! comparison field by field; [`Simulator::requests`] what was asked.
//!
//! ```no_run
//! use testkit::simulator::{Kind, Options, Simulator};
//!
//! # async fn example() -> std::io::Result<()> {
//! let crisp = Simulator::start(Options::of_size(2_000, 1_000).seed(7)).await?;
//! let website = crisp.website_ids()[0];
//! println!("CRISP_API_URL={}", crisp.api_url());
//! for person in crisp.truth(website).people().take(3) {
//!     println!("{}", person.people_id);
//! }
//! assert_eq!(crisp.requests().of(Kind::PeoplePage), 0);
//! # Ok(())
//! # }
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

mod answers;
mod behaviour;
mod change;
mod conversations;
mod directory;
mod faults;
mod hooks;
mod install;
mod log;
mod messages;
mod oddities;
mod options;
mod people;
mod plugin;
mod query;
mod random;
mod records;
mod route;
mod serve;
mod shared;
mod shelf;
mod site;
mod storm;
#[cfg(test)]
mod tests;
mod threads;
mod truth;
mod website;
mod wire;
mod words;

pub use behaviour::{Behaviour, ListEnd, Quota, RetryAfter};
pub use change::{Change, NewConversation, NewMessage, NewPerson, NoSuch, PersonUpdate};
pub use directory::{Directory, Member};
pub use faults::{Fault, FaultRule, When};
pub use hooks::{HookCounts, HookOptions, LostHook, SignedHook, signature};
pub use log::{Logged, Requests};
pub use options::{Links, MessageCount, Options, WebsiteOptions};
pub use plugin::Plugin;
pub use records::{Company, Conversation, Message, Operator, Person, Preview, Side, State};
pub use route::Kind;
pub use storm::{Operation, StormOptions, StormReport};
pub use truth::Truth;

use hooks::Hooks;
use shared::Shared;

/// A running simulated Crisp; it stops when the last clone of this handle is gone.
#[derive(Debug, Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
    address: SocketAddr,
    _stop: Arc<DropGuard>,
}

impl Simulator {
    /// Listens on 127.0.0.1 and answers from now on.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port.unwrap_or(0))).await?;
        let address = listener.local_addr()?;
        let (hooks, emitted) = Hooks::new();
        let shared = Arc::new(Shared::new(&options, hooks));
        let stop = CancellationToken::new();
        let courier = hooks::deliver(Arc::clone(&shared), emitted)?;
        tokio::spawn(stop.clone().run_until_cancelled_owned(courier));
        tokio::spawn(serve::serve(listener, Arc::clone(&shared), stop.clone()));
        Ok(Self { shared, address, _stop: Arc::new(stop.drop_guard()) })
    }

    /// Base of the REST API (`CRISP_API_URL`).
    pub fn api_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Base of the install link (`CRISP_APP_URL`).
    pub fn app_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The websites, in the order of the options.
    pub fn website_ids(&self) -> Vec<Uuid> {
        self.shared.websites.iter().map(|website| website.site.id).collect()
    }

    /// The plugin and its credentials as they are now.
    pub fn plugin(&self) -> Plugin {
        self.shared.plugin()
    }

    /// Changes the plugin: rolls its token, sets its callback URL.
    pub fn set_plugin(&self, change: impl FnOnce(&mut Plugin)) {
        change(&mut self.shared.plugin.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Turns the knobs of its behaviour; scripted faults count from nought again.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.write().unwrap_or_else(PoisonError::into_inner));
        self.shared.reset_scripts();
    }

    /// Crisp's clock in milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    /// Puts Crisp's clock forward.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// What is true of a website.
    ///
    /// # Panics
    /// There is no such website; so for all methods that take one.
    pub fn truth(&self, website: Uuid) -> Truth {
        self.shared.website(website);
        Truth::new(Arc::clone(&self.shared), website)
    }

    /// Companies and contacts as the customer's own directory has them.
    pub fn directory(&self, website: Uuid) -> Directory {
        Directory::new(Arc::clone(&self.shared.website(website).site))
    }

    /// Counts of what was asked.
    pub fn requests(&self) -> Requests {
        let (quota_overruns, busiest_window) = self.shared.quota_use();
        Requests { quota_overruns, busiest_window, ..self.shared.log.summary() }
    }

    /// Every request, in order.
    pub fn log(&self) -> Vec<Logged> {
        self.shared.log.entries()
    }

    /// Forgets what was asked.
    pub fn forget_requests(&self) {
        self.shared.log.clear();
        self.shared.reset_gauge();
    }

    /// Changes a website as visitors, operators and Crisp do.
    pub fn change(&self, website: Uuid) -> Change {
        self.shared.website(website);
        Change::new(Arc::clone(&self.shared), website)
    }

    /// From now on changes are told by signed web hooks to this URL; the options hold for what changes from now on.
    pub fn hooks_to(&self, url: &str, options: HookOptions) {
        self.shared.hooks.aim(Some((url.to_owned(), options)));
    }

    /// No more hooks; those under way are given up at their next attempt.
    pub fn hooks_off(&self) {
        self.shared.hooks.aim(None);
    }

    /// Waits until every hook is delivered, dropped or given up.
    pub async fn hooks_idle(&self) {
        self.shared.hooks.idle().await;
    }

    /// What became of the hooks.
    pub fn hook_counts(&self) -> HookCounts {
        self.shared.hooks.counts()
    }

    /// The hooks that were dropped, as the options asked for: what nobody was told of.
    pub fn lost_hooks(&self) -> Vec<LostHook> {
        self.shared.hooks.lost()
    }

    /// A hook as Crisp would send it now, for tests that send it themselves.
    pub fn signed_hook(&self, envelope: &serde_json::Value) -> SignedHook {
        SignedHook::new(&self.shared.plugin(), self.now_ms(), wire::text(envelope))
    }

    /// Lets a storm of random changes loose on a website.
    pub async fn storm(&self, website: Uuid, options: StormOptions) -> StormReport {
        storm::rage(&self.change(website), &self.truth(website), options).await
    }
}

//! What kind of Crisp to simulate: which websites, how large, how odd. How it *behaves* is in [`super::behaviour`].

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::behaviour::Behaviour;
use super::plugin::Plugin;
use super::random::{Draw, id_of};

/// Everything a simulator starts from. The same options give the same world, byte for byte (with a fixed `now_ms`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// All content follows from it.
    pub seed: u64,
    /// Crisp's clock at the start, in milliseconds; `None` = the machine's. All timestamps are relative to it.
    pub now_ms: Option<i64>,
    /// Port of 127.0.0.1 to listen on; `None` = any free one.
    pub port: Option<u16>,
    /// The websites (workspaces).
    pub websites: Vec<WebsiteOptions>,
    /// The plugin and its credentials.
    pub plugin: Plugin,
    /// How Crisp answers; may be changed while it runs.
    pub behaviour: Behaviour,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            now_ms: None,
            port: None,
            websites: vec![WebsiteOptions::default()],
            plugin: Plugin::default(),
            behaviour: Behaviour::default(),
        }
    }
}

impl Options {
    /// One website with so many people and conversations.
    pub fn of_size(people: u32, conversations: u32) -> Self {
        Self { websites: vec![WebsiteOptions::of_size(people, conversations)], ..Self::default() }
    }

    /// Another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Another start of Crisp's clock.
    #[must_use]
    pub fn now_ms(mut self, now_ms: i64) -> Self {
        self.now_ms = Some(now_ms);
        self
    }

    /// One more website.
    #[must_use]
    pub fn website(mut self, website: WebsiteOptions) -> Self {
        self.websites.push(website);
        self
    }

    /// Changes every website listed so far.
    #[must_use]
    pub fn each_website(mut self, change: impl Fn(WebsiteOptions) -> WebsiteOptions) -> Self {
        self.websites = self.websites.into_iter().map(change).collect();
        self
    }

    /// Changes how Crisp behaves.
    #[must_use]
    pub fn behaving(mut self, change: impl FnOnce(&mut Behaviour)) -> Self {
        change(&mut self.behaviour);
        self
    }

    /// The id that website `n` (from 0) has.
    pub fn website_id(&self, n: u32) -> Uuid {
        id_of(Draw::of(self.seed, &[0x77_65_62]).number(), n)
    }
}

/// One website and its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebsiteOptions {
    /// Its name in Crisp.
    pub name: String,
    /// Seed of names, addresses and texts; `None` = from the simulator's. Two websites with one seed look alike (ids differ).
    pub seed: Option<u64>,
    /// How many profiles.
    pub people: u32,
    /// How many conversations with messages.
    pub conversations: u32,
    /// How many more without any message (listed only with `include_empty=1`).
    pub empty_conversations: u32,
    /// How conversations point at people.
    pub links: Links,
    /// How long the threads are.
    pub messages: MessageCount,
    /// Share of records that are odd but readable (0 to 1), of each sort.
    pub oddities: f64,
    /// Share of records that nobody can read, or not wholly (0 to 1), of each sort.
    pub unreadable: f64,
    /// How far back the content reaches, in days.
    pub history_days: u32,
    /// Whether the plugin is installed from the start.
    pub installed: bool,
    /// The plugin's settings on this website.
    pub settings: serde_json::Value,
}

impl Default for WebsiteOptions {
    fn default() -> Self {
        Self {
            name: "Custify Demo Support".to_owned(),
            seed: None,
            people: 2_000,
            conversations: 1_000,
            empty_conversations: 0,
            links: Links::default(),
            messages: MessageCount::default(),
            oddities: 0.0,
            unreadable: 0.0,
            history_days: 730,
            installed: true,
            settings: serde_json::json!({}),
        }
    }
}

impl WebsiteOptions {
    /// A website with so many people and conversations.
    pub fn of_size(people: u32, conversations: u32) -> Self {
        Self { people, conversations, ..Self::default() }
    }

    /// The plugin has to be installed first.
    #[must_use]
    pub fn not_installed(mut self) -> Self {
        self.installed = false;
        self
    }

    /// Another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// A seed of its own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Threads of exactly so many messages.
    #[must_use]
    pub fn exactly(mut self, messages: u32) -> Self {
        self.messages = MessageCount::Exactly(messages);
        self
    }

    /// Another mix of links.
    #[must_use]
    pub fn links(mut self, links: Links) -> Self {
        self.links = links;
        self
    }

    /// So large a share of odd and of unreadable records.
    #[must_use]
    pub fn odd(mut self, oddities: f64, unreadable: f64) -> Self {
        self.oddities = oddities;
        self.unreadable = unreadable;
        self
    }
}

/// Shares (0 to 1) of the ways in which a conversation points at a person; what remains is anonymous.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Links {
    /// By `people_id`, mostly with the person's email too.
    pub people_id: f64,
    /// By the person's email only.
    pub email: f64,
    /// An email that no profile has.
    pub stranger: f64,
}

impl Default for Links {
    fn default() -> Self {
        Self { people_id: 0.6, email: 0.2, stranger: 0.05 }
    }
}

impl Links {
    /// Every conversation belongs to a profile by its id.
    pub fn all_by_people_id() -> Self {
        Self { people_id: 1.0, email: 0.0, stranger: 0.0 }
    }

    /// No conversation belongs to anybody.
    pub fn none() -> Self {
        Self { people_id: 0.0, email: 0.0, stranger: 0.0 }
    }
}

/// How many messages a conversation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageCount {
    /// Mostly a handful, some dozens, rarely more than a hundred.
    #[default]
    Typical,
    /// Always so many.
    Exactly(u32),
    /// Evenly between the two, both included.
    Between(u32, u32),
}

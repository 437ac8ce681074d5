//! The plugin and its credentials.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The plugin as the Marketplace knows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plugin {
    /// Its id.
    pub id: Uuid,
    /// Identifier half of its token.
    pub identifier: String,
    /// Key half of its token.
    pub key: String,
    /// Signing secret of its hooks.
    pub hooks_secret: String,
    /// Where the browser goes after an installation (`…/crisp/callback`); may be set later.
    pub callback_url: Option<String>,
}

impl Default for Plugin {
    fn default() -> Self {
        Self {
            id: Uuid::from_u128(0x0c0f_fee0_c715_4f1a_9b0e_0000_0000_0001),
            identifier: "5f0c2d1e-7a3b-4c4d-8e5f-6a7b8c9d0e1f".to_owned(),
            key: "a3".repeat(32),
            hooks_secret: "9f2c41d07b6e4a538c1de0a7f45b8d62".to_owned(),
            callback_url: None,
        }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Plugin").field("id", &self.id).finish_non_exhaustive()
    }
}

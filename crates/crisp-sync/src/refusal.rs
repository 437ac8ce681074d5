//! Why a use case did not do what it was asked, in the contract's codes.

use chrono::{DateTime, Utc};
use crisp_domain::{FieldError, SyncId};

use crate::connect::InstallLink;
use crate::error::Error;

/// Why a use case did not do what a person asked for.
///
/// Everything but [`Refusal::Failed`] is an answer, not a fault: a stable [`code`](Self::code) for programs, and a
/// sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The account has no such thing, or nothing that it may know of.
    #[error("there is no such thing in this account")]
    NotFound,
    /// A form is wrong; each field that is says why.
    #[error("some fields cannot be taken as they are")]
    Invalid(Vec<FieldError>),
    /// What was entered holds no website id.
    #[error(
        "this is not a Crisp website id. It looks like 8c842203-7ed8-4e29-a608-7cf78a7d2fcc; Crisp shows it under \
         Settings → Website Settings → Setup & integrations"
    )]
    WebsiteIdInvalid,
    /// The plugin is not installed on that website.
    #[error(
        "the Custify plugin is not installed on this Crisp website; install it with the link and try again"
    )]
    PluginNotInstalled {
        /// Where it is installed.
        install_link: InstallLink,
    },
    /// Another integration, of whomever, has that website.
    #[error("this Crisp website is already connected")]
    WebsiteAlreadyConnected,
    /// The integration has imported another website.
    #[error("this integration belongs to another Crisp website; make a new integration for this one")]
    OtherWebsite,
    /// Nothing proves that the website is the caller's.
    #[error(
        "a website id is public, so it proves nothing. Install the plugin with the integration's install link, or \
         put the integration's connection code into the plugin's settings in Crisp, under custify_connection_code"
    )]
    OwnershipUnproven,
    /// The install link was used, has expired, or is somebody else's.
    #[error(
        "this install link was used before, has expired, or is not yours; open a new one from the settings page"
    )]
    InstallLinkInvalid,
    /// Crisp is away, answers nonsense, or the requests that it allows us are spent.
    #[error("Crisp could not be asked; try again in a few minutes")]
    CrispUnavailable(#[source] crisp_client::Error),
    /// The people of this account have asked Crisp for as much as one account may for now.
    #[error("this account has asked Crisp for as much as one account may for now; try again later")]
    TooManyRequests {
        /// When there is more.
        until: DateTime<Utc>,
    },
    /// No website is connected, or it needs attention first.
    #[error("the integration is not connected to Crisp; connect it first")]
    NotConnected,
    /// Crisp refused the plugin the last time; it is asked again.
    #[error(
        "Crisp did not let the plugin in the last time. It is asked again now: once it does, the integration goes on \
         by itself, and a sync can be triggered again"
    )]
    NeedsAttention,
    /// Nothing was imported yet.
    #[error("there is nothing to update before the first import; trigger a full sync")]
    NotImported,
    /// What was imported earlier is still being deleted.
    #[error("what was imported before is still being deleted; try again in a moment")]
    PurgeUnderWay,
    /// A sync of the integration is queued or runs.
    #[error("a sync of this integration is under way")]
    SyncInProgress {
        /// That sync.
        sync_id: SyncId,
    },
    /// It should have worked.
    #[error("the request could not be carried out")]
    Failed(#[from] Error),
}

impl Refusal {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Invalid(_) => "validation_failed",
            Self::WebsiteIdInvalid => "website_id_invalid",
            Self::PluginNotInstalled { .. } => "plugin_not_installed",
            Self::WebsiteAlreadyConnected => "website_already_connected",
            Self::OtherWebsite => "other_website",
            Self::OwnershipUnproven => "ownership_unproven",
            Self::InstallLinkInvalid => "install_link_invalid",
            Self::CrispUnavailable(_) => "crisp_unavailable",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::NotConnected => "not_connected",
            Self::NeedsAttention => "needs_attention",
            Self::NotImported => "not_imported",
            Self::PurgeUnderWay => "purge_under_way",
            Self::SyncInProgress { .. } => "sync_in_progress",
            Self::Failed(_) => "internal",
        }
    }

    /// One field that is wrong.
    pub(crate) fn field(field: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, code, detail)])
    }
}

impl From<crisp_storage::Error> for Refusal {
    fn from(error: crisp_storage::Error) -> Self {
        Self::Failed(Error::Storage(error))
    }
}

impl From<crisp_client::Error> for Refusal {
    fn from(error: crisp_client::Error) -> Self {
        Self::CrispUnavailable(error)
    }
}

//! The codes of problems: part of the contract, so never renamed.

use axum::http::StatusCode;
use serde::Serialize;
use strum::{EnumIter, IntoStaticStr};

/// What happened, for programs. Written in `snake_case` in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Code {
    /// The request cannot be read: broken JSON, an address with characters that nothing has.
    MalformedRequest,
    /// No bearer token, or one that is not accepted.
    Unauthenticated,
    /// The token is accepted and lacks the permission for this.
    PermissionMissing,
    /// The request was made by a page of another origin.
    CrossOrigin,
    /// A web hook without a valid signature or a believable time.
    SignatureInvalid,
    /// The website is not proven to be the caller's.
    OwnershipUnproven,
    /// The install link was used, has expired, or is somebody else's.
    InstallLinkInvalid,
    /// Nothing here, or nothing that the caller may know of.
    NotFound,
    /// This address does not take this method.
    MethodNotAllowed,
    /// The body took too long to arrive.
    RequestTimedOut,
    /// The plugin is not installed on that website.
    PluginNotInstalled,
    /// Somebody has connected that website already.
    WebsiteAlreadyConnected,
    /// A sync of this integration is queued or runs.
    SyncInProgress,
    /// The integration belongs to another website than the one that was given.
    OtherWebsite,
    /// The integration is not connected to Crisp.
    NotConnected,
    /// Crisp refused the plugin the last time; it is asked again.
    NeedsAttention,
    /// There is nothing to update before the first import.
    NotImported,
    /// What was imported earlier is still being deleted.
    PurgeUnderWay,
    /// The body is larger than this address takes.
    BodyTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// Fields are refused; `errors` says which and why.
    ValidationFailed,
    /// That is no website id.
    WebsiteIdInvalid,
    /// The account has asked Crisp for as much as one account may for now.
    TooManyRequests,
    /// Our own fault.
    Internal,
    /// Too many requests at once; try again in a moment.
    Overloaded,
    /// The answer took too long.
    TimedOut,
    /// The database is away.
    Unavailable,
    /// Crisp is away, or the requests that it allows us are spent.
    CrispUnavailable,
}

impl Code {
    /// The word for it in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PermissionMissing
            | Self::CrossOrigin
            | Self::SignatureInvalid
            | Self::OwnershipUnproven
            | Self::InstallLinkInvalid => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::PluginNotInstalled
            | Self::WebsiteAlreadyConnected
            | Self::SyncInProgress
            | Self::OtherWebsite
            | Self::NotConnected
            | Self::NeedsAttention
            | Self::NotImported
            | Self::PurgeUnderWay => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ValidationFailed | Self::WebsiteIdInvalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded | Self::TimedOut | Self::Unavailable | Self::CrispUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Whether the rest of the request is not worth waiting for.
    pub(crate) fn ends_the_connection(self) -> bool {
        matches!(self, Self::BodyTooLarge | Self::RequestTimedOut)
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn the_word_of_a_code_is_the_same_everywhere() {
        for code in Code::iter() {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
        assert_eq!(Code::WebsiteIdInvalid.as_str(), "website_id_invalid");
    }
}

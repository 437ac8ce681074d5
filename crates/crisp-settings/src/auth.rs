//! How the bearer tokens of callers are verified.

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

use crate::refused::{Refusal, Refused};
use crate::value;

const SECRET: &str = "AUTH_JWT_HS256_SECRET";
const JWKS_FILE: &str = "AUTH_JWKS_FILE";
/// RFC 7518 §3.2: a key for HS256 has at least as many bits as the hash.
const STRONG_SECRET_BYTES: usize = 32;

/// The flags and variables of authentication.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_field_names,
    reason = "the flags are named after the fields, and the contract names the flags"
)]
#[command(next_help_heading = "Authentication (one of the two is required)")]
pub struct AuthArgs {
    /// The secret that bearer tokens (JWT, HS256) are signed with: at least 32 random bytes as text.
    #[arg(long, global = true, env = SECRET, hide_env_values = true, value_name = "SECRET")]
    auth_jwt_hs256_secret: Option<SecretString>,
    /// A file that holds `AUTH_JWT_HS256_SECRET`.
    #[arg(long, global = true, env = "AUTH_JWT_HS256_SECRET_FILE", value_name = "PATH")]
    auth_jwt_hs256_secret_file: Option<String>,
    /// A JWKS file with the public keys that bearer tokens (JWT; RS256, ES256 or `EdDSA`) are verified with.
    /// Read again when it changes.
    #[arg(long, global = true, env = JWKS_FILE, value_name = "PATH")]
    auth_jwks_file: Option<String>,
}

/// What verifies bearer tokens: exactly one of the two.
#[derive(Debug, Clone)]
pub enum AuthSettings {
    /// A shared secret, for HS256 alone.
    Hs256(SecretString),
    /// A file of public keys, for RS256, ES256 and `EdDSA`.
    JwksFile(PathBuf),
}

impl AuthArgs {
    /// What verifies tokens, which must be given, and once.
    pub fn resolve(&self) -> Result<AuthSettings, Refused> {
        let given = self.auth_jwt_hs256_secret.as_ref();
        let secret = value::secret(SECRET, given, self.auth_jwt_hs256_secret_file.as_deref())?;
        match (secret, value::present(self.auth_jwks_file.as_deref())) {
            (Some(secret), None) => Ok(AuthSettings::Hs256(secret)),
            (None, Some(path)) => Ok(AuthSettings::JwksFile(readable(path)?)),
            (Some(_), Some(_)) => Err(both().into()),
            (None, None) => Err(neither().into()),
        }
    }
}

impl AuthSettings {
    /// The refusal of a JWKS file that can be read, but not used.
    pub fn refuse_keys(why: &dyn std::error::Error) -> Refused {
        let remedy = "Give the path of a JWKS file, {\"keys\":[…]}, with at least one public key for RS256, ES256 or EdDSA.";
        Refusal::new(JWKS_FILE, format!("cannot be used: {why}"), remedy).into()
    }

    /// What is allowed but unwise about these settings, as a sentence.
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Hs256(secret) if secret.expose_secret().len() < STRONG_SECRET_BYTES => Some(
                "AUTH_JWT_HS256_SECRET is shorter than 32 bytes and may be guessed; use `openssl rand -base64 48`",
            ),
            Self::Hs256(_) | Self::JwksFile(_) => None,
        }
    }
}

fn readable(path: &str) -> Result<PathBuf, Refusal> {
    let remedy = "Give the path of a JWKS file, {\"keys\":[…]}, that this process may read.";
    std::fs::File::open(path)
        .map_err(|error| Refusal::new(JWKS_FILE, format!("cannot be read ({})", error.kind()), remedy))?;
    Ok(PathBuf::from(path))
}

fn neither() -> Refusal {
    Refusal::new(
        SECRET,
        format!("is not set, and neither is {JWKS_FILE}"),
        format!(
            "Set {SECRET} to the secret that signs your tokens (HS256), or {JWKS_FILE} to a file of public keys."
        ),
    )
}

fn both() -> Refusal {
    Refusal::new(
        SECRET,
        format!("is set, and so is {JWKS_FILE}"),
        "Keep the one that your tokens are signed for.",
    )
}

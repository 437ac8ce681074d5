//! Are the settings usable, and wise?

use crisp_settings::{
    ApiSettings, AuthSettings, CrispSettings, DatabaseSettings, EncryptionSettings, Refused, SettingsArgs,
};
use url::{Host, Url};

use super::report::Report;

/// The settings, as far as they can be used.
pub(super) struct Resolved {
    pub(super) database: Option<DatabaseSettings>,
    pub(super) crisp: Option<CrispSettings>,
    pub(super) encryption: Option<EncryptionSettings>,
}

impl Resolved {
    pub(super) fn of(args: &SettingsArgs, report: &mut Report) -> Self {
        let resolved = Self {
            database: usable(args.database.resolve(), report),
            crisp: usable(args.crisp.resolve(), report),
            encryption: usable(args.encryption.resolve(), report),
        };
        let auth = args.auth.resolve().and_then(|auth| crate::verifier(&auth).map(|_verifier| auth));
        let (auth, api) = (usable(auth, report), usable(args.api.resolve(), report));
        usable(args.sync.resolve(), report);
        usable(args.worker.resolve(), report);
        if !report.has_failed() {
            report.ok("settings", "all can be used");
        }
        if let Some(auth) = &auth {
            check_auth(auth, report);
        }
        if let Some(api) = &api {
            check_public_url(api, report);
        }
        resolved
    }
}

fn usable<T>(settings: Result<T, Refused>, report: &mut Report) -> Option<T> {
    settings.map_err(|refused| refused.refusals().iter().for_each(|refusal| tell(refusal, report))).ok()
}

fn tell(refusal: &crisp_settings::Refusal, report: &mut Report) {
    report.fail("settings", format!("{} {}", refusal.name, refusal.wrong), refusal.remedy.as_str());
}

fn check_auth(auth: &AuthSettings, report: &mut Report) {
    if let Some(warning) = auth.warning() {
        report.warn("authentication", warning, "Set a longer secret here and where tokens are made.");
    }
}

fn check_public_url(api: &ApiSettings, report: &mut Report) {
    const WHAT: &str = "public address";
    let url = &api.public_url;
    if is_loopback(url) {
        let remedy = "Set API_PUBLIC_URL to the address at which Crisp and browsers reach this server.";
        report.warn(WHAT, format!("{url} is this machine only: no web hook arrives there"), remedy);
    } else if url.scheme() != "https" {
        let remedy = "Put a proxy with TLS before the server and set API_PUBLIC_URL to its https address.";
        report.warn(
            WHAT,
            format!("{url} is not encrypted: tokens and cookies can be read on their way"),
            remedy,
        );
    } else {
        report.ok(WHAT, url.as_str());
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_nobody_else_reaches_are_told_apart() {
        for address in
            ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:80", "http://0.0.0.0:8080"]
        {
            assert!(is_loopback(&address.parse().unwrap()), "{address}");
        }
        assert!(!is_loopback(&"https://crisp.custify.example".parse().unwrap()));
    }
}

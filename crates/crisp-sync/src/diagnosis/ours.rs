//! Checks of what we know ourselves.

use chrono::TimeDelta;
use crisp_storage::syncs::SyncRow;

use super::{Check, Facts, Finding, span};
use crate::connect;

/// Without any hook for so long after the first import, the channel is looked at with suspicion.
const SILENCE: TimeDelta = TimeDelta::hours(1);
/// A hook that has waited longer than this to be applied means that no worker keeps up.
const BACKLOG: TimeDelta = TimeDelta::minutes(1);
/// An incremental run may be late by so much before anybody has to know.
const GRACE: TimeDelta = TimeDelta::minutes(2);

const SEE_EVENTS: &str = "Check in Crisp's Marketplace, under the plugin's Settings → Events, that the web hook address \
     of this service is entered and its events are chosen. Until hooks are back, Custify asks Crisp more often.";
const SEE_WORKERS: &str = "Custify's operators have to look whether a worker runs.";

pub(super) fn contact_exists(facts: &Facts) -> Check {
    let profiles = facts.profiles;
    match (profiles > 0, facts.settings.import_people, facts.integration.first_import_at.is_some()) {
        (true, true, _) => Finding::ok(format!("{profiles} Crisp profiles are imported as contacts.")),
        (true, false, _) => Finding::warning(
            format!("{profiles} Crisp profiles were imported earlier; importing people is switched off now."),
            "Switch people on in the import settings if new ones are to arrive.",
        ),
        (false, false, _) => Finding::warning(
            "Importing people is switched off, so conversations match contacts of the Custify directory only, by email.",
            "Switch people on in the import settings, or see that the directory's contacts have the right addresses.",
        ),
        (false, true, false) if under_way(facts).is_some() => {
            Finding::warning("The first import has begun; no contact has arrived yet.", "It goes on by itself.")
        }
        (false, true, false) => Finding::warning("No contact was imported yet.", "Trigger the first import."),
        (false, true, true) => Finding::failed(
            "An import was started, but no Crisp profile has arrived.",
            "Look at the last sync: it says what went wrong. If Crisp has no people, nothing has to be done.",
        ),
    }
    .of("contact_exists")
}

pub(super) fn integration_active(facts: &Facts) -> Check {
    let row = &facts.integration;
    let problem = connect::problem(row);
    match row.state.as_str() {
        "active" => Finding::ok("The integration is active."),
        "connected" => first_import(facts),
        "awaiting_installation" => Finding::failed(
            "The integration waits for the plugin to be installed.",
            "Install the plugin with the install link on the settings page.",
        ),
        "needs_attention" => problem.map_or_else(
            || Finding::failed("The integration needs attention.", "See the settings page."),
            |problem| Finding::failed(problem.detail, problem.what_to_do),
        ),
        _ => Finding::failed(
            "The integration is disconnected.",
            "Connect the website again on the settings page.",
        ),
    }
    .of("integration_active")
}

/// Before the first import has ended.
fn first_import(facts: &Facts) -> Finding {
    let Some(sync) = under_way(facts) else {
        return Finding::warning(
            "The website is connected, but nothing was imported yet.",
            "Trigger the first import.",
        );
    };
    let says = match sync.resumes_at.filter(|at| *at > facts.now) {
        Some(at) => format!(
            "The first import waits for Crisp's request quota and goes on at {}.",
            at.format("%F %H:%M UTC")
        ),
        None => "The first import is under way.".to_owned(),
    };
    Finding::warning(
        says,
        "Nothing has to be done: it goes on by itself, and the last sync shows how far it is.",
    )
}

/// The sync that is under way, if the last one is.
fn under_way(facts: &Facts) -> Option<&SyncRow> {
    facts.last_sync.as_ref().filter(|sync| sync.is_under_way())
}

pub(super) fn realtime(facts: &Facts) -> Check {
    let row = &facts.integration;
    let ago = |at: chrono::DateTime<chrono::Utc>| span(facts.now - at);
    let late =
        facts.freshness.as_ref().and_then(|one| one.oldest_hook_at).filter(|at| facts.now - *at > BACKLOG);
    let active_for = row.active_at.map_or(TimeDelta::zero(), |at| facts.now - at);
    match (facts.channel.last_hook_at, row.hook_gap_since) {
        _ if row.state != "active" && row.active_at.is_none() => Finding::warning(
            "Real-time updates begin with the first import.",
            "See the check “integration active”.",
        ),
        _ if row.state != "active" => Finding::warning(
            "Web hooks are not applied while the integration is not active.",
            "See the check “integration active”.",
        ),
        _ if late.is_some() => Finding::failed(
            format!(
                "Web hooks arrive, but one waits to be applied for {}.",
                late.map(ago).unwrap_or_default()
            ),
            SEE_WORKERS,
        ),
        (last, Some(since)) => Finding::failed(
            format!(
                "Web hooks have been missing for {}: {}. {}",
                ago(since),
                missed(facts),
                last.map_or("None has ever arrived.".to_owned(), |at| format!(
                    "The last one arrived {} ago.",
                    ago(at)
                )),
            ),
            SEE_EVENTS,
        ),
        (None, None) if active_for > SILENCE => {
            Finding::warning("No web hook has arrived so far.", SEE_EVENTS)
        }
        (None, None) => Finding::ok("No web hook has arrived yet; none was missed either."),
        (Some(last), None) => {
            Finding::ok(format!("The last web hook arrived {} ago; {}.", ago(last), missed(facts)))
        }
    }
    .of("realtime")
}

/// The share of recent changes whose hook never came.
fn missed(facts: &Facts) -> String {
    let row = &facts.integration;
    if row.hook_changes_expected < 1.0 {
        return "no change was missed".to_owned();
    }
    let share = (row.hook_changes_missed / row.hook_changes_expected * 100.0).clamp(0.0, 100.0);
    format!("{share:.0} % of recent changes came without a hook")
}

pub(super) fn incremental(facts: &Facts) -> Check {
    let row = &facts.integration;
    let interval = TimeDelta::seconds(i64::from(facts.settings.incremental_interval_seconds.unwrap_or(0)));
    let last_run = row.last_incremental_at.or(row.active_at);
    let overdue = last_run.map(|at| facts.now - at).filter(|since| *since > interval * 2 + GRACE);
    let failed = facts.last_sync.as_ref().filter(|sync| sync.state == "failed");
    match (row.state.as_str(), failed, overdue) {
        ("active", Some(sync), _) => Finding::failed(
            format!("The last sync failed. {}", sync.problem_detail.as_deref().unwrap_or_default())
                .trim_end()
                .to_owned(),
            "The schedule tries again by itself; “Update now” does so at once.",
        ),
        ("active", None, Some(since)) if waits_for_quota(facts) => Finding::warning(
            format!(
                "The last update ended {} ago; the next one waits for Crisp's request quota.",
                span(since)
            ),
            "It goes on by itself. If this happens often, ask Crisp for a larger quota.",
        ),
        ("active", None, Some(since)) => {
            Finding::failed(format!("The last update ended {} ago; it is overdue.", span(since)), SEE_WORKERS)
        }
        ("active", None, None) => Finding::ok(match row.synced_at {
            Some(at) => format!(
                "Everything up to {} ago is here; updates run every {}.",
                span(facts.now - at),
                span(interval)
            ),
            None => format!("Updates run every {}.", span(interval)),
        }),
        ("connected", Some(sync), _) => Finding::failed(
            format!("The first import failed. {}", sync.problem_detail.as_deref().unwrap_or_default())
                .trim_end()
                .to_owned(),
            "Trigger the first import again: it goes on with what is here already.",
        ),
        _ => Finding::warning(
            "Updates run once the integration is active.",
            "See the check “integration active”.",
        ),
    }
    .of("incremental")
}

fn waits_for_quota(facts: &Facts) -> bool {
    facts.last_sync.as_ref().is_some_and(|sync| sync.state == "waiting_for_quota")
}

pub(super) fn skipped(facts: &Facts) -> Check {
    let counts = facts.skipped;
    let detail = format!(
        "{} conversations match no contact, {} are older than the backfill window, {} records are odd or could not be read.",
        counts.no_match, counts.before_backfill, counts.unreadable
    );
    let read = facts.last_sync.as_ref().map_or(0, |sync| sync.conversations_read);
    if counts.unreadable > 0 {
        Finding::warning(detail, "The list of skipped records names each record and what could not be read in it.")
    } else if counts.no_match > 0 && counts.no_match * 2 >= read {
        Finding::warning(
            detail,
            "Add contacts with the addresses in the list of skipped conversations; each arrives by itself once its contact exists.",
        )
    } else {
        Finding::ok(detail)
    }
    .of("skipped")
}

pub(super) fn quota(facts: &Facts) -> Check {
    let budget = &facts.budget;
    let on_by_itself = "Imports go on by themselves when there are requests again. If this happens often, ask Crisp for a larger quota.";
    match (budget.blocked_until.filter(|until| *until > facts.now), budget.limit) {
        (Some(until), _) => Finding::warning(
            format!("Crisp asked us to wait; we go on in {}.", span(until - facts.now)),
            on_by_itself,
        ),
        (None, None) => Finding::ok("The number of requests to Crisp is not limited."),
        (None, Some(limit)) if budget.used >= limit => {
            Finding::warning(format!("All {limit} requests of the current window are used."), on_by_itself)
        }
        (None, Some(limit)) => {
            Finding::ok(format!("{} of {limit} requests of the current window are used.", budget.used))
        }
    }
    .of("quota")
}

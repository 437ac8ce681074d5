//! The contract's words, as people say them.

/// How a state is coloured. The word beside it says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Busy,
    Quiet,
    Warning,
    Bad,
}

impl Tone {
    /// The class of the badge.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Quiet => "quiet",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// The state of an integration.
pub(crate) fn integration_state(state: &str) -> (&'static str, Tone) {
    match state {
        "awaiting_installation" => ("Waiting for the installation", Tone::Quiet),
        "connected" => ("Connected", Tone::Busy),
        "active" => ("Active", Tone::Good),
        "needs_attention" => ("Needs attention", Tone::Bad),
        _ => ("Disconnected", Tone::Quiet),
    }
}

/// The state of a sync.
pub(crate) fn sync_state(state: &str) -> (&'static str, Tone) {
    match state {
        "queued" => ("Waiting to begin", Tone::Quiet),
        "running" => ("Running", Tone::Busy),
        "waiting_for_quota" => ("Waiting for quota", Tone::Warning),
        "succeeded" => ("Succeeded", Tone::Good),
        "partial" => ("Finished with gaps", Tone::Warning),
        "cancelled" => ("Cancelled", Tone::Quiet),
        _ => ("Failed", Tone::Bad),
    }
}

/// The kind of a sync, as a title.
pub(crate) fn sync_kind(kind: &str, trigger: &str) -> &'static str {
    match (kind, trigger) {
        (_, "first_import") => "First import",
        ("full", _) => "Full sync",
        ("incremental", _) => "Incremental update",
        _ => "Reconciliation",
    }
}

/// The state of a conversation.
pub(crate) fn status(status: &str) -> (&'static str, Tone) {
    match status {
        "resolved" => ("Resolved", Tone::Quiet),
        "unresolved" => ("Unresolved", Tone::Warning),
        _ => ("Pending", Tone::Busy),
    }
}

/// Where a conversation came from.
pub(crate) fn origin(origin: &str) -> String {
    match origin {
        "chat" => "Chat".to_owned(),
        "email" => "Email".to_owned(),
        other => {
            let channel = other.trim_start_matches("urn:").split(':').next().unwrap_or(other);
            let mut letters = channel.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// A field of a Crisp profile, as people call it.
pub(crate) fn source(path: &str) -> String {
    let known = match path {
        "email" => "Email address",
        "person.nickname" => "Full name",
        "person.phone" => "Phone number",
        "created_at" => "Profile created",
        "updated_at" => "Profile updated",
        "person.employment.title" => "Job title",
        "company.name" => "Company name",
        "active.last" => "Last active",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    if let Some(key) = path.strip_prefix("data.") {
        return format!("Custom data: {}", key.replace('_', " "));
    }
    let parts: Vec<&str> = path.rsplit('.').filter(|part| *part != "person").collect();
    match parts.as_slice() {
        [] => String::new(),
        [only] | [only, "geolocation"] => field(only),
        [last, parent, ..] => field(&format!("{parent} {last}")),
    }
}

/// Why something was not imported.
pub(crate) fn skip_reason(reason: &str) -> (&'static str, Tone) {
    match reason {
        "no_match" => ("No matching contact", Tone::Quiet),
        "before_backfill" => ("Before the import window", Tone::Quiet),
        _ => ("Unreadable", Tone::Warning),
    }
}

/// How a conversation was matched.
pub(crate) fn matched_by(rule: &str) -> &'static str {
    match rule {
        "people_id" => "Crisp profile",
        "email" => "Email address",
        _ => "A contact",
    }
}

/// What a check looks at.
pub(crate) fn check(code: &str) -> String {
    match code {
        "plugin_installed" => "Plugin installed".to_owned(),
        "website_id" => "Website id".to_owned(),
        "credential" | "credential_valid" => "Credential".to_owned(),
        "conversations_enabled" => "Conversations enabled".to_owned(),
        "contact_exists" => "Contacts exist".to_owned(),
        "integration_active" => "Integration active".to_owned(),
        "realtime" | "last_hook" => "Real-time updates".to_owned(),
        "incremental" | "last_incremental" => "Incremental updates".to_owned(),
        "skipped" => "Skipped conversations".to_owned(),
        "quota" => "Crisp requests".to_owned(),
        other => field(other),
    }
}

/// A reason as a sentence of its own.
pub(crate) fn sentence(reason: &str) -> String {
    let mut letters = reason.trim_end_matches('.').chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}

/// A name of a field or an attribute as a label: `job_title` is *Job title*.
pub(crate) fn field(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_labels() {
        assert_eq!(field("last_active_at"), "Last active at");
        assert_eq!(origin("urn:telegram:x"), "Telegram");
        assert_eq!(origin(""), "");
        let sources =
            ["person.geolocation.city", "person.employment.title", "data.plan_name", "company.url", "score"];
        let shown = ["City", "Job title", "Custom data: plan name", "Company url", "Score"];
        assert_eq!(sources.map(source), shown);
        assert_eq!(sentence("no contact has it"), "No contact has it.");
    }
}

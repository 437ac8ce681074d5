//! The SQL in the sources by Citus's statement rules that a look at the text can hold.

#[path = "statements/literals.rs"]
mod literals;

use literals::Literal;

/// Tables that stay on one machine: rules about what may be computed where do not concern them.
const LOCAL: [&str; 7] = [
    "work_items",
    "quota_grants",
    "quota_state",
    "quota_waiters",
    "request_counts",
    "sealed_secrets",
    "unclaimed_hooks",
];
/// What an `ON CONFLICT` part must compute in the select list instead (Q3).
const NOT_IMMUTABLE: [&str; 10] = [
    "now()",
    "current_timestamp",
    "clock_timestamp",
    "interval ",
    "date_trunc",
    "jsonb_build_object",
    "to_jsonb",
    "concat(",
    "gen_random_uuid",
    "(select",
];

fn statements() -> Vec<Literal> {
    let literals = literals::in_sources();
    let found: Vec<Literal> = literals.into_iter().filter(|literal| is_statement(&literal.text)).collect();
    assert!(found.len() > 60, "the sources were not understood: {} statements", found.len());
    found
}

fn is_statement(text: &str) -> bool {
    ["select ", "with ", "insert into ", "update ", "delete from ", "merge "]
        .iter()
        .any(|verb| text.starts_with(verb))
}

fn inserts_into_local(text: &str) -> bool {
    LOCAL.iter().any(|table| text.contains(&format!("insert into {table}")))
}

#[test]
fn q3_what_happens_on_conflict_is_immutable() {
    for Literal { place, text } in statements() {
        let Some((_, conflict)) = text.split_once("on conflict") else { continue };
        if inserts_into_local(&text) {
            continue;
        }
        for function in NOT_IMMUTABLE {
            assert!(!conflict.contains(function), "{place}: {function} after ON CONFLICT");
        }
    }
}

#[test]
fn q5_every_insert_from_a_select_says_what_happens_on_conflict() {
    let inserts = statements().into_iter().filter(|literal| literal.text.contains("insert into "));
    let from_select: Vec<_> = inserts.filter(|literal| !literal.text.contains(" values (")).collect();
    assert!(from_select.len() > 8);
    for Literal { place, text } in from_select {
        assert!(text.contains("on conflict"), "{place}");
    }
}

#[test]
fn q2_and_q4_record_sets_bring_no_account() {
    for Literal { place, text } in statements() {
        for set in ["unnest(", "jsonb_to_recordset("] {
            let Some((_, after)) = text.split_once(set) else { continue };
            let columns = after.split_once(" as u(").map_or("", |(_, columns)| columns);
            let columns = columns.split_once(')').map_or("", |(columns, _)| columns);
            assert!(!columns.contains("account_id"), "{place}");
        }
        if text.starts_with("insert into ") && text.contains("unnest(") {
            assert!(text.contains("on conflict"), "{place}");
        }
    }
}

#[test]
fn q7_updates_and_deletes_of_tenant_rows_bind_what_is_volatile() {
    for Literal { place, text } in statements() {
        let local = LOCAL.iter().any(|table| text.contains(table));
        if (text.starts_with("update ") || text.starts_with("delete from ")) && !local {
            assert!(!text.contains("clock_timestamp") && !text.contains("gen_random_uuid"), "{place}");
        }
    }
}

#[test]
fn q8_row_locks_are_on_local_tables_or_within_one_account() {
    for Literal { place, text } in literals::in_sources() {
        if ["for update", "for no key update", "for share"].iter().any(|lock| text.contains(lock)) {
            let local = LOCAL.iter().any(|table| text.contains(table));
            assert!(local || text.contains("from accounts where id = "), "{place}");
        }
    }
}

#[test]
fn s2_q6_q9_q11_some_words_are_never_said() {
    for Literal { place, text } in literals::in_sources() {
        for word in ["merge into", "set_config(", "constraint_name", "set account_id", "reltuples"] {
            assert!(!text.contains(word), "{place}: {word}");
        }
    }
}

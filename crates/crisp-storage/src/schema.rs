//! The tables as diesel sees them. A test compares this file with the migrated database.

diesel::table! {
    accounts (id) {
        id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_entries (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor -> Text,
        action -> Text,
        integration_id -> Nullable<Uuid>,
        detail -> Jsonb,
    }
}

diesel::table! {
    companies (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        external_id -> Text,
        name -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    contact_companies (account_id, contact_id, company_id) {
        account_id -> Uuid,
        contact_id -> Uuid,
        company_id -> Uuid,
        position -> Integer,
    }
}

diesel::table! {
    contacts (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        external_id -> Nullable<Text>,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        name -> Nullable<Text>,
        phone -> Nullable<Text>,
        phone_e164 -> Nullable<Text>,
        country_alpha2 -> Nullable<Text>,
        signed_up_at -> Nullable<Timestamptz>,
        attributes -> Jsonb,
        from_crisp -> Jsonb,
        last_active_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    conversation_companies (account_id, conversation_id, company_id) {
        account_id -> Uuid,
        company_id -> Uuid,
        conversation_id -> Uuid,
        crisp_updated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    conversations (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        integration_id -> Uuid,
        session_id -> Text,
        people_id -> Nullable<Text>,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        nickname -> Nullable<Text>,
        status -> Text,
        subject -> Nullable<Text>,
        origin -> Nullable<Text>,
        assigned_user_id -> Nullable<Text>,
        crisp_created_at -> Nullable<Timestamptz>,
        crisp_updated_at -> Nullable<Timestamptz>,
        contact_id -> Nullable<Uuid>,
        matched_by -> Nullable<Text>,
        skip_reason -> Nullable<Text>,
        newest_fingerprint -> Nullable<BigInt>,
        messages_due -> Bool,
        messages_urgent -> Bool,
        messages_reread -> Bool,
        notes_left_out -> Bool,
        messages_attempts -> Integer,
        messages_retry_at -> Nullable<Timestamptz>,
        messages_walk -> Nullable<Jsonb>,
        messages_read_to_ms -> Nullable<BigInt>,
        messages_hooked_fingerprint -> Nullable<BigInt>,
        messages_known_fingerprint -> Nullable<BigInt>,
        messages_known_at -> Nullable<Timestamptz>,
        message_count -> BigInt,
        last_message_at -> Nullable<Timestamptz>,
        waiting_on_us_since -> Nullable<Timestamptz>,
        first_inbound_at -> Nullable<Timestamptz>,
        first_reply_at -> Nullable<Timestamptz>,
        hook_stamps -> Jsonb,
        removed_at -> Nullable<Timestamptz>,
        removed_stamp -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    erasures (account_id, email_hash, key_hash) {
        account_id -> Uuid,
        email_hash -> Bytea,
        key_hash -> Bytea,
        erased_at -> Timestamptz,
    }
}

diesel::table! {
    hooks (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        integration_id -> Uuid,
        dedupe_key -> Bytea,
        event -> Text,
        session_id -> Nullable<Text>,
        people_id -> Nullable<Text>,
        crisp_at -> Nullable<Timestamptz>,
        body -> Bytea,
        received_at -> Timestamptz,
        applied_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
        attempts -> Integer,
        retry_at -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        dead_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    integrations (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        state -> Text,
        website_id -> Nullable<Uuid>,
        website_name -> Nullable<Text>,
        website_token -> Nullable<Bytea>,
        proven_website_id -> Nullable<Uuid>,
        proven_token_hash -> Nullable<Bytea>,
        connection_code -> Text,
        install_nonce -> Nullable<Bytea>,
        install_expires_at -> Nullable<Timestamptz>,
        install_requested_by -> Nullable<Text>,
        settings -> Jsonb,
        settings_revision -> BigInt,
        applied_revision -> BigInt,
        remap_cursor -> Nullable<Text>,
        remap_done -> BigInt,
        remap_total -> Nullable<BigInt>,
        problem_code -> Nullable<Text>,
        problem_detail -> Nullable<Text>,
        state_before_problem -> Nullable<Text>,
        backfill_from -> Nullable<Timestamptz>,
        first_import_at -> Nullable<Timestamptz>,
        active_at -> Nullable<Timestamptz>,
        conversations_bookmark -> Nullable<Timestamptz>,
        people_bookmark -> Nullable<Timestamptz>,
        people_order_proven -> Nullable<Bool>,
        people_unsorted -> Bool,
        next_rolling_page -> Integer,
        next_incremental_at -> Nullable<Timestamptz>,
        next_reconcile_at -> Nullable<Timestamptz>,
        last_hook_at -> Nullable<Timestamptz>,
        last_incremental_at -> Nullable<Timestamptz>,
        last_reconcile_at -> Nullable<Timestamptz>,
        synced_at -> Nullable<Timestamptz>,
        hook_skew_ms -> Nullable<BigInt>,
        hook_changes_expected -> Double,
        hook_changes_missed -> Double,
        hook_gap_since -> Nullable<Timestamptz>,
        redactions -> BigInt,
        purge_requested_at -> Nullable<Timestamptz>,
        disconnected_at -> Nullable<Timestamptz>,
        disconnect_reason -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        expected_conversations -> Nullable<BigInt>,
        expected_requests -> Nullable<BigInt>,
    }
}

diesel::table! {
    match_decisions (account_id, conversation_id, id) {
        account_id -> Uuid,
        conversation_id -> Uuid,
        id -> Uuid,
        decided_at -> Timestamptz,
        cause -> Text,
        decision -> Jsonb,
    }
}

diesel::table! {
    messages (account_id, conversation_id, fingerprint) {
        account_id -> Uuid,
        conversation_id -> Uuid,
        fingerprint -> BigInt,
        id -> Uuid,
        direction -> Nullable<Text>,
        internal -> Bool,
        kind -> Nullable<Text>,
        body -> Nullable<Text>,
        content -> Nullable<Jsonb>,
        sender_name -> Nullable<Text>,
        sender_id -> Nullable<Text>,
        sent_at -> Nullable<Timestamptz>,
        edited_at -> Nullable<Timestamptz>,
        removed_at -> Nullable<Timestamptz>,
        content_stamp_ms -> Nullable<BigInt>,
        content_hooked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        sent_at_assumed -> Bool,
    }
}

diesel::table! {
    operators (account_id, integration_id, user_id) {
        account_id -> Uuid,
        integration_id -> Uuid,
        user_id -> Text,
        name -> Text,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    profiles (account_id, integration_id, people_id) {
        account_id -> Uuid,
        integration_id -> Uuid,
        people_id -> Text,
        contact_id -> Uuid,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        raw -> Jsonb,
        data -> Nullable<Jsonb>,
        active_last -> Nullable<Timestamptz>,
        crisp_updated_at -> Nullable<Timestamptz>,
        hooked_at -> Nullable<Timestamptz>,
        hook_stamp -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    quota_grants (id) {
        id -> Uuid,
        account_id -> Uuid,
        purpose -> Text,
        amount -> BigInt,
        granted_at -> Timestamptz,
        valid_until -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    quota_state (singleton) {
        singleton -> Bool,
        period_started_at -> Timestamptz,
        blocked_until -> Nullable<Timestamptz>,
        learnt_limit -> Nullable<BigInt>,
        learnt_until -> Nullable<Timestamptz>,
        refusals -> Integer,
        refused_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    quota_waiters (account_id) {
        account_id -> Uuid,
        returns_at -> Timestamptz,
    }
}

diesel::table! {
    request_counts (account_id, purpose, hour) {
        account_id -> Uuid,
        purpose -> Text,
        hour -> Timestamptz,
        requests -> BigInt,
    }
}

diesel::table! {
    recent_claims (id) {
        id -> Uuid,
        website_id -> Uuid,
        account_id -> Uuid,
        integration_id -> Uuid,
        claimed_at -> Timestamptz,
    }
}

diesel::table! {
    sealed_secrets (name) {
        name -> Text,
        sealed -> Bytea,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    sightings (account_id, sync_id, kind, external_id) {
        account_id -> Uuid,
        sync_id -> Uuid,
        kind -> Text,
        external_id -> Text,
    }
}

diesel::table! {
    sync_runs (account_id, id) {
        account_id -> Uuid,
        id -> Uuid,
        integration_id -> Uuid,
        kind -> Text,
        trigger -> Text,
        started_by -> Nullable<Text>,
        state -> Text,
        phase -> Nullable<Text>,
        reread_messages -> Bool,
        cancel_requested -> Bool,
        bookmark -> Jsonb,
        queued_at -> Timestamptz,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        resumes_at -> Nullable<Timestamptz>,
        expected_finish_at -> Nullable<Timestamptz>,
        expected_people -> Nullable<BigInt>,
        expected_conversations -> Nullable<BigInt>,
        people_read -> BigInt,
        people_created -> BigInt,
        people_updated -> BigInt,
        people_unchanged -> BigInt,
        people_removed -> BigInt,
        people_failed -> BigInt,
        conversations_read -> BigInt,
        conversations_created -> BigInt,
        conversations_updated -> BigInt,
        conversations_unchanged -> BigInt,
        conversations_removed -> BigInt,
        conversations_skipped -> BigInt,
        conversations_before_backfill -> BigInt,
        conversations_failed -> BigInt,
        messages_read -> BigInt,
        messages_created -> BigInt,
        messages_updated -> BigInt,
        messages_unchanged -> BigInt,
        messages_removed -> BigInt,
        messages_failed -> BigInt,
        crisp_requests -> BigInt,
        failures_in_row -> Integer,
        problem_code -> Nullable<Text>,
        problem_detail -> Nullable<Text>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    unclaimed_hooks (day) {
        day -> Date,
        count -> BigInt,
    }
}

diesel::table! {
    unreadable_records (account_id, integration_id, kind, external_id) {
        account_id -> Uuid,
        integration_id -> Uuid,
        kind -> Text,
        external_id -> Text,
        detail -> Text,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    wanted_records (account_id, integration_id, kind, external_id) {
        account_id -> Uuid,
        integration_id -> Uuid,
        kind -> Text,
        external_id -> Text,
        reason -> Text,
        due_at -> Timestamptz,
        version -> BigInt,
        attempts -> Integer,
        error -> Nullable<Text>,
        dead_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    website_claims (website_id) {
        website_id -> Uuid,
        account_id -> Uuid,
        integration_id -> Uuid,
        claimed_at -> Timestamptz,
    }
}

diesel::table! {
    work_items (integration_id, lane) {
        integration_id -> Uuid,
        lane -> Text,
        account_id -> Uuid,
        due_at -> Nullable<Timestamptz>,
        signals -> BigInt,
        lease_token -> Nullable<Uuid>,
        leased_until -> Nullable<Timestamptz>,
        leased_by -> Nullable<Text>,
        takeovers -> BigInt,
        attempts -> Integer,
        served_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    audit_entries,
    companies,
    contact_companies,
    contacts,
    conversation_companies,
    conversations,
    erasures,
    hooks,
    integrations,
    match_decisions,
    messages,
    operators,
    profiles,
    quota_grants,
    quota_state,
    quota_waiters,
    request_counts,
    recent_claims,
    sealed_secrets,
    sightings,
    sync_runs,
    unclaimed_hooks,
    unreadable_records,
    wanted_records,
    website_claims,
    work_items,
);

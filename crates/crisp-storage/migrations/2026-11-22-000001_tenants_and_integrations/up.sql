-- Custify accounts and their Crisp integrations.
-- Every tenant table: account_id first in every key, no triggers, ids made by the application (UUIDv7).

create table accounts (
    id         uuid        not null primary key,
    created_at timestamptz not null
);
comment on table accounts is 'Custify accounts that ever used the integration. Its row is the account''s write turn: whoever changes tenant rows holds its lock.';
comment on column accounts.id is 'The account id that Custify''s tokens carry.';
comment on column accounts.created_at is 'When the account was first seen.';

create table integrations (
    account_id              uuid        not null references accounts (id),
    id                      uuid        not null,
    state                   text        not null check (state in ('awaiting_installation', 'connected', 'active', 'needs_attention', 'disconnected')),
    website_id              uuid,
    website_name            text,
    website_token           bytea,
    proven_website_id       uuid,
    connection_code         text        not null,
    install_nonce           bytea,
    install_expires_at      timestamptz,
    install_requested_by    text,
    settings                jsonb       not null,
    settings_revision       bigint      not null default 1,
    applied_revision        bigint      not null default 1,
    remap_cursor            text,
    remap_done              bigint      not null default 0,
    remap_total             bigint,
    problem_code            text,
    problem_detail          text,
    state_before_problem    text,
    backfill_from           timestamptz,
    first_import_at         timestamptz,
    active_at               timestamptz,
    conversations_bookmark  timestamptz,
    people_bookmark         timestamptz,
    people_order_proven     boolean,
    next_incremental_at     timestamptz,
    next_reconcile_at       timestamptz,
    last_hook_at            timestamptz,
    last_incremental_at     timestamptz,
    last_reconcile_at       timestamptz,
    synced_at               timestamptz,
    hook_skew_ms            bigint,
    hook_changes_expected   double precision not null default 0,
    hook_changes_missed     double precision not null default 0,
    hook_gap_since          timestamptz,
    redactions              bigint      not null default 0,
    purge_requested_at      timestamptz,
    disconnected_at         timestamptz,
    disconnect_reason       text,
    created_at              timestamptz not null,
    updated_at              timestamptz not null,
    primary key (account_id, id)
);
comment on table integrations is 'One Crisp workspace connected (or about to be) to one Custify account.';
comment on column integrations.account_id is 'The tenant.';
comment on column integrations.id is 'UUIDv7.';
comment on column integrations.state is 'Where the integration stands, in the contract''s words.';
comment on column integrations.website_id is 'The connected Crisp website; its uniqueness over all accounts is held by website_claims.';
comment on column integrations.website_name is 'The website''s name in Crisp, for people.';
comment on column integrations.website_token is 'The token Crisp reports for this website and plugin, sealed by the vault; proof of ownership compares against it.';
comment on column integrations.proven_website_id is 'The website whose ownership a callback proved, before it is connected.';
comment on column integrations.connection_code is 'What an admin puts into the plugin''s settings in Crisp to prove ownership of a typed website id.';
comment on column integrations.install_nonce is 'The single-use part of the install link''s payload; null once used.';
comment on column integrations.install_expires_at is 'After this moment the payload is refused.';
comment on column integrations.install_requested_by is 'The user (token subject) who asked for the install link.';
comment on column integrations.settings is 'Import settings as validated by crisp-domain.';
comment on column integrations.settings_revision is 'Counts changes of the mapping.';
comment on column integrations.applied_revision is 'The mapping revision that every stored profile has been mapped with.';
comment on column integrations.remap_cursor is 'The people id up to which a running re-map has come.';
comment on column integrations.remap_done is 'Profiles mapped again by the running re-map.';
comment on column integrations.remap_total is 'Profiles the running re-map has to map.';
comment on column integrations.problem_code is 'Why the state is needs_attention: plugin_uninstalled, credential_rejected, scope_missing.';
comment on column integrations.problem_detail is 'The problem in a plain sentence.';
comment on column integrations.state_before_problem is 'The state to return to once the problem is gone.';
comment on column integrations.backfill_from is 'Conversations last updated before this moment are not imported; fixed when the first import starts.';
comment on column integrations.first_import_at is 'When the first import was started.';
comment on column integrations.active_at is 'When the first full sync was done.';
comment on column integrations.conversations_bookmark is 'Crisp''s clock: conversations updated up to here are committed.';
comment on column integrations.people_bookmark is 'Crisp''s clock: profiles updated up to here are committed.';
comment on column integrations.people_order_proven is 'Whether sort_field=updated_at was seen to be monotonic on this website; null = not tried.';
comment on column integrations.next_incremental_at is 'When the schedule wants the next incremental sync.';
comment on column integrations.next_reconcile_at is 'When the schedule wants the next reconciliation pass.';
comment on column integrations.last_hook_at is 'When the last web hook of this website arrived.';
comment on column integrations.last_incremental_at is 'When the last incremental sync ended well.';
comment on column integrations.last_reconcile_at is 'When the last whole reconciliation pass ended.';
comment on column integrations.synced_at is 'Everything that happened in Crisp before this moment is in Custify, as far as lists can tell.';
comment on column integrations.hook_skew_ms is 'Smallest (arrival - envelope timestamp) of recent hooks: our clock minus Crisp''s, in milliseconds.';
comment on column integrations.hook_changes_expected is 'Decayed count of changes that polling found and a hook should have brought.';
comment on column integrations.hook_changes_missed is 'Decayed count of those whose hook never came.';
comment on column integrations.hook_gap_since is 'Since when the hook channel is considered silent or lossy; null = healthy.';
comment on column integrations.redactions is 'How many cards, IBANs and keys were redacted from message bodies.';
comment on column integrations.purge_requested_at is 'Imported data is being purged since.';
comment on column integrations.disconnected_at is 'When syncing and hooks stopped.';
comment on column integrations.disconnect_reason is 'disconnected_by_user or plugin_uninstalled.';
comment on column integrations.created_at is 'When the draft was made.';
comment on column integrations.updated_at is 'Last change of any column above.';

create table website_claims (
    website_id     uuid        not null primary key,
    account_id     uuid        not null,
    integration_id uuid        not null,
    claimed_at     timestamptz not null
);
comment on table website_claims is 'Which account owns which Crisp website: unique across all accounts, read by hook intake. The one table outside the tenants (a reference table under Citus), therefore without foreign keys.';
comment on column website_claims.website_id is 'The Crisp website.';
comment on column website_claims.account_id is 'The owner.';
comment on column website_claims.integration_id is 'The integration that connects it.';
comment on column website_claims.claimed_at is 'When ownership was proven.';

create table audit_entries (
    account_id     uuid        not null references accounts (id),
    id             uuid        not null,
    at             timestamptz not null,
    actor          text        not null,
    action         text        not null,
    integration_id uuid,
    detail         jsonb       not null,
    primary key (account_id, id)
);
comment on table audit_entries is 'Who connected, changed, triggered, disconnected, purged or rotated what, and when. Append-only.';
comment on column audit_entries.account_id is 'The tenant.';
comment on column audit_entries.id is 'UUIDv7, so its order is the order of time.';
comment on column audit_entries.at is 'When it happened.';
comment on column audit_entries.actor is 'The token subject, or system.';
comment on column audit_entries.action is 'What was done, e.g. integration.connected.';
comment on column audit_entries.integration_id is 'The integration it was done to, if any.';
comment on column audit_entries.detail is 'Before and after where something changed; secrets masked, no personal data.';

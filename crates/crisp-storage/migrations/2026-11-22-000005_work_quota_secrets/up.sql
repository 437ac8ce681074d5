-- Local tables: hints about due work, the request ledger, sealed secrets. No tenant data.

create table work_items (
    integration_id uuid        not null,
    lane           text        not null check (lane in ('hooks', 'live', 'sync', 'upkeep')),
    account_id     uuid        not null,
    due_at         timestamptz,
    signals        bigint      not null default 0,
    lease_token    uuid,
    leased_until   timestamptz,
    leased_by      text,
    takeovers      bigint      not null default 0,
    attempts       integer     not null default 0,
    served_at      timestamptz,
    primary key (integration_id, lane)
);
create index work_items_due on work_items (due_at) where due_at is not null;
comment on table work_items is 'Which lane of which integration is due, and who works on it. A hint: the sweep restores it from the tenant rows.';
comment on column work_items.integration_id is 'The integration.';
comment on column work_items.lane is 'hooks: apply stored hooks; live: read wanted records; sync: full, incremental, reconcile; upkeep: re-map, purge.';
comment on column work_items.account_id is 'Its account.';
comment on column work_items.due_at is 'When it is due; null = idle.';
comment on column work_items.signals is 'Counts wake-ups, so that one that comes during the work is not lost.';
comment on column work_items.lease_token is 'Who holds it: every write of the holder is checked against it.';
comment on column work_items.leased_until is 'When the lease lapses unless renewed.';
comment on column work_items.leased_by is 'Name of the worker, for people.';
comment on column work_items.takeovers is 'How often a lapsed lease was taken over.';
comment on column work_items.attempts is 'Failures in a row; backs off.';
comment on column work_items.served_at is 'End of its last slice: accounts take turns by it.';

create table quota_state (
    singleton         boolean     not null primary key default true check (singleton),
    period_started_at timestamptz not null,
    blocked_until     timestamptz,
    learnt_limit      bigint,
    learnt_until      timestamptz,
    refusals          integer     not null default 0,
    refused_at        timestamptz
);
comment on table quota_state is 'One row: the lock and the memory of the request ledger.';
comment on column quota_state.singleton is 'Always true.';
comment on column quota_state.period_started_at is 'Start of the current window, by which the reserve is released.';
comment on column quota_state.blocked_until is 'Crisp refused (429/420): nothing is granted before.';
comment on column quota_state.learnt_limit is 'Requests per window that Crisp was seen to grant, where lower than the setting.';
comment on column quota_state.learnt_until is 'Until when that is believed.';
comment on column quota_state.refusals is 'Refusals of Crisp in a row, without a success between them.';
comment on column quota_state.refused_at is 'The last of them.';

create table quota_grants (
    id          uuid        not null primary key,
    account_id  uuid        not null,
    purpose     text        not null check (purpose in ('interactive', 'live', 'backfill')),
    amount      bigint      not null check (amount >= 0),
    granted_at  timestamptz not null,
    valid_until timestamptz not null,
    closed_at   timestamptz
);
create index quota_grants_open on quota_grants (valid_until) where closed_at is null;
create index quota_grants_closed on quota_grants (closed_at) where closed_at is not null;
comment on table quota_grants is 'Requests granted in chunks. An open grant counts whole; a closed one counts what was used until a window after it was closed.';
comment on column quota_grants.id is 'UUIDv7.';
comment on column quota_grants.account_id is 'For whom.';
comment on column quota_grants.purpose is 'interactive, live or backfill.';
comment on column quota_grants.amount is 'Requests: granted while open, used once closed.';
comment on column quota_grants.granted_at is 'When.';
comment on column quota_grants.valid_until is 'No request may be sent on it after; a holder that died loses it then.';
comment on column quota_grants.closed_at is 'When the holder gave the rest back; all its requests were answered by then.';

create table quota_waiters (
    account_id uuid        not null primary key,
    returns_at timestamptz not null
);
comment on table quota_waiters is 'Accounts whose backfill waits for requests: the one that had the fewest in the window goes first.';
comment on column quota_waiters.account_id is 'The account.';
comment on column quota_waiters.returns_at is 'When it was told to ask again: around that moment its turn is kept.';

create table request_counts (
    account_id uuid   not null,
    purpose    text   not null,
    hour       timestamptz not null,
    requests   bigint not null,
    primary key (account_id, purpose, hour)
);
comment on table request_counts is 'Requests sent, for people and metrics.';
comment on column request_counts.account_id is 'For whom.';
comment on column request_counts.purpose is 'interactive, live or backfill.';
comment on column request_counts.hour is 'In which hour.';
comment on column request_counts.requests is 'How many.';

create table sealed_secrets (
    name       text        not null primary key,
    sealed     bytea       not null,
    updated_at timestamptz not null
);
comment on table sealed_secrets is 'Secrets of the deployment, sealed by the vault: plugin token, hooks secret, erasure key.';
comment on column sealed_secrets.name is 'Which secret; also the associated data of its seal.';
comment on column sealed_secrets.sealed is 'Key id, nonce, ciphertext.';
comment on column sealed_secrets.updated_at is 'Last written or re-sealed.';

create table unclaimed_hooks (
    day   date   not null primary key,
    count bigint not null
);
comment on table unclaimed_hooks is 'Hooks of websites that nobody connected: counted, dropped.';
comment on column unclaimed_hooks.day is 'The day.';
comment on column unclaimed_hooks.count is 'How many.';

insert into quota_state (period_started_at) values ('epoch');

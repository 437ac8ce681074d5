-- Records of syncs, and web hooks as they arrived.

create table sync_runs (
    account_id       uuid        not null references accounts (id),
    id               uuid        not null,
    integration_id   uuid        not null,
    kind             text        not null check (kind in ('full', 'incremental', 'reconcile')),
    trigger          text        not null check (trigger in ('first_import', 'manual', 'schedule')),
    started_by       text,
    state            text        not null check (state in ('queued', 'running', 'waiting_for_quota', 'succeeded', 'partial', 'failed', 'cancelled')),
    phase            text        check (phase in ('people', 'conversations', 'messages')),
    reread_messages  boolean     not null default false,
    cancel_requested boolean     not null default false,
    bookmark         jsonb       not null default '{}',
    signpost         timestamptz,
    queued_at        timestamptz not null,
    started_at       timestamptz,
    finished_at      timestamptz,
    resumes_at       timestamptz,
    expected_finish_at timestamptz,
    expected_people  bigint,
    expected_conversations bigint,
    people_read bigint not null default 0,
    people_created bigint not null default 0,
    people_updated bigint not null default 0,
    people_unchanged bigint not null default 0,
    people_removed bigint not null default 0,
    people_failed bigint not null default 0,
    conversations_read bigint not null default 0,
    conversations_created bigint not null default 0,
    conversations_updated bigint not null default 0,
    conversations_unchanged bigint not null default 0,
    conversations_removed bigint not null default 0,
    conversations_skipped bigint not null default 0,
    conversations_failed bigint not null default 0,
    messages_read bigint not null default 0,
    messages_created bigint not null default 0,
    messages_updated bigint not null default 0,
    messages_unchanged bigint not null default 0,
    messages_removed bigint not null default 0,
    messages_failed bigint not null default 0,
    crisp_requests   bigint      not null default 0,
    failures_in_row  integer     not null default 0,
    problem_code     text,
    problem_detail   text,
    updated_at       timestamptz not null,
    primary key (account_id, id),
    foreign key (account_id, integration_id) references integrations (account_id, id)
);
create unique index sync_runs_one_at_a_time on sync_runs (account_id, integration_id) where state in ('queued', 'running', 'waiting_for_quota');
create index sync_runs_newest on sync_runs (account_id, integration_id, id desc);
comment on table sync_runs is 'One row a sync: what it is, where it stands, what it did. At most one is under way for an integration.';
comment on column sync_runs.account_id is 'The tenant.';
comment on column sync_runs.id is 'UUIDv7.';
comment on column sync_runs.integration_id is 'The integration it syncs.';
comment on column sync_runs.kind is 'full, incremental or reconcile.';
comment on column sync_runs.trigger is 'What started it.';
comment on column sync_runs.started_by is 'Who started it: token subject; null for the schedule.';
comment on column sync_runs.state is 'In the contract''s words.';
comment on column sync_runs.phase is 'What it reads now.';
comment on column sync_runs.reread_messages is 'Reads every matched conversation''s messages again.';
comment on column sync_runs.cancel_requested is 'Ends at the next step.';
comment on column sync_runs.bookmark is 'From where anyone can go on; committed with the data of each step.';
comment on column sync_runs.signpost is 'Crisp''s clock: newest updated_at when the run began; caps the bookmark it leaves.';
comment on column sync_runs.queued_at is 'When it was asked for.';
comment on column sync_runs.started_at is 'When its first step began.';
comment on column sync_runs.finished_at is 'When it ended, however.';
comment on column sync_runs.resumes_at is 'While waiting for quota: when it goes on.';
comment on column sync_runs.expected_finish_at is 'Estimate from what is left and today''s quota.';
comment on column sync_runs.expected_people is 'How many profiles Crisp says there are.';
comment on column sync_runs.expected_conversations is 'How many conversations the lists held, known once they are read.';
comment on column sync_runs.people_read is 'Profiles read.';
comment on column sync_runs.people_created is 'Profiles stored for the first time.';
comment on column sync_runs.people_updated is 'Profiles that changed something.';
comment on column sync_runs.people_unchanged is 'Profiles that changed nothing.';
comment on column sync_runs.people_removed is 'Profiles found to be gone.';
comment on column sync_runs.people_failed is 'Profiles that could not be read.';
comment on column sync_runs.conversations_read is 'Conversations read from lists.';
comment on column sync_runs.conversations_created is 'Conversations shown for the first time.';
comment on column sync_runs.conversations_updated is 'Shown conversations that changed.';
comment on column sync_runs.conversations_unchanged is 'Shown conversations that did not change.';
comment on column sync_runs.conversations_removed is 'Conversations found to be gone.';
comment on column sync_runs.conversations_skipped is 'Conversations that match nobody or lie before the backfill window.';
comment on column sync_runs.conversations_failed is 'Conversations that could not be read.';
comment on column sync_runs.messages_read is 'Messages read.';
comment on column sync_runs.messages_created is 'Messages stored.';
comment on column sync_runs.messages_updated is 'Messages that changed.';
comment on column sync_runs.messages_unchanged is 'Messages that did not change.';
comment on column sync_runs.messages_removed is 'Messages found to be gone.';
comment on column sync_runs.messages_failed is 'Messages that could not be read.';
comment on column sync_runs.crisp_requests is 'Requests it cost.';
comment on column sync_runs.failures_in_row is 'Steps that failed since the last one that did not.';
comment on column sync_runs.problem_code is 'Why it failed or is stuck: stable code.';
comment on column sync_runs.problem_detail is 'The last error in plain words.';
comment on column sync_runs.updated_at is 'Last step.';

create table sightings (
    account_id  uuid not null references accounts (id),
    sync_id     uuid not null,
    kind        text not null check (kind in ('profile', 'conversation')),
    external_id text not null,
    primary key (account_id, sync_id, kind, external_id),
    foreign key (account_id, sync_id) references sync_runs (account_id, id) on delete cascade
);
comment on table sightings is 'What a complete pass has seen so far; what it has not seen when it is whole may be gone. Emptied when the pass ends.';
comment on column sightings.account_id is 'The tenant.';
comment on column sightings.sync_id is 'The pass.';
comment on column sightings.kind is 'profile or conversation.';
comment on column sightings.external_id is 'People id or session id.';

create table hooks (
    account_id     uuid        not null references accounts (id),
    id             uuid        not null,
    integration_id uuid        not null,
    dedupe_key     bytea       not null,
    event          text        not null,
    session_id     text,
    people_id      text,
    crisp_at       timestamptz,
    body           bytea       not null,
    received_at    timestamptz not null,
    applied_at     timestamptz,
    outcome        text,
    attempts       integer     not null default 0,
    retry_at       timestamptz,
    error          text,
    dead_at        timestamptz,
    primary key (account_id, id),
    unique (account_id, integration_id, dedupe_key),
    foreign key (account_id, integration_id) references integrations (account_id, id)
);
create index hooks_to_apply on hooks (account_id, integration_id, id) where applied_at is null and dead_at is null;
create index hooks_to_forget on hooks (account_id, applied_at) where applied_at is not null;
create index hooks_dead on hooks (account_id, id) where dead_at is not null;
comment on table hooks is 'Web hooks as they arrived, stored before the 200. The truth of what is still to be applied.';
comment on column hooks.account_id is 'The tenant.';
comment on column hooks.id is 'UUIDv7 of the arrival.';
comment on column hooks.integration_id is 'The integration whose website it is about.';
comment on column hooks.dedupe_key is 'SHA-256 of what makes the hook itself: Crisp sends no delivery id.';
comment on column hooks.event is 'Crisp''s event name.';
comment on column hooks.session_id is 'The conversation it is about, if any.';
comment on column hooks.people_id is 'The profile it is about, if any.';
comment on column hooks.crisp_at is 'Envelope timestamp (Crisp''s clock).';
comment on column hooks.body is 'The raw bytes.';
comment on column hooks.received_at is 'Arrival (our clock).';
comment on column hooks.applied_at is 'When it was applied or found to need nothing; null = to be done.';
comment on column hooks.outcome is 'applied, woke, ignored, stale, ….';
comment on column hooks.attempts is 'Attempts that failed.';
comment on column hooks.retry_at is 'Not to be tried before.';
comment on column hooks.error is 'Why the last attempt failed.';
comment on column hooks.dead_at is 'Given up: a dead letter.';

create table wanted_records (
    account_id     uuid        not null references accounts (id),
    integration_id uuid        not null,
    kind           text        not null check (kind in ('conversation', 'profile')),
    external_id    text        not null,
    reason         text        not null,
    due_at         timestamptz not null,
    version        bigint      not null default 1,
    attempts       integer     not null default 0,
    error          text,
    dead_at        timestamptz,
    created_at     timestamptz not null,
    primary key (account_id, integration_id, kind, external_id),
    foreign key (account_id, integration_id) references integrations (account_id, id)
);
create index wanted_due on wanted_records (account_id, integration_id, due_at) where dead_at is null;
comment on table wanted_records is 'Conversations and profiles that have to be read from Crisp one by one: a hook told of them, or what we hold is in doubt.';
comment on column wanted_records.account_id is 'The tenant.';
comment on column wanted_records.integration_id is 'The integration.';
comment on column wanted_records.kind is 'conversation or profile.';
comment on column wanted_records.external_id is 'Session id or people id.';
comment on column wanted_records.reason is 'Why it is wanted.';
comment on column wanted_records.due_at is 'Not to be read before.';
comment on column wanted_records.version is 'Counts the wishes: a wish made while the record is being read is not lost.';
comment on column wanted_records.attempts is 'Reads that failed.';
comment on column wanted_records.error is 'Why the last one failed.';
comment on column wanted_records.dead_at is 'Given up: a dead letter.';
comment on column wanted_records.created_at is 'When it was first wanted.';

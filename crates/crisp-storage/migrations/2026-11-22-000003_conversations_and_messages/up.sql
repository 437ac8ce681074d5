-- Conversations (matched or not), their messages, and why each belongs where it does.

create table conversations (
    account_id            uuid        not null references accounts (id),
    id                    uuid        not null,
    integration_id        uuid        not null,
    session_id            text        not null,
    people_id             text,
    email                 text,
    email_key             text,
    nickname              text,
    status                text        not null check (status in ('pending', 'unresolved', 'resolved')),
    subject               text,
    origin                text,
    assigned_user_id      text,
    crisp_created_at      timestamptz,
    crisp_updated_at      timestamptz,
    contact_id            uuid,
    matched_by            text        check (matched_by in ('people_id', 'email')),
    skip_reason           text        check (skip_reason in ('no_match', 'before_backfill')),
    newest_fingerprint    bigint,
    messages_due          boolean     not null default false,
    messages_urgent       boolean     not null default false,
    messages_reread       boolean     not null default false,
    messages_attempts     integer     not null default 0,
    messages_retry_at     timestamptz,
    messages_walk         jsonb,
    messages_read_to_ms   bigint,
    messages_hooked_fingerprint bigint,
    messages_known_fingerprint bigint,
    messages_known_at     timestamptz,
    message_count         bigint      not null default 0,
    last_message_at       timestamptz,
    waiting_on_us_since   timestamptz,
    first_inbound_at      timestamptz,
    first_reply_at        timestamptz,
    hook_stamps           jsonb       not null default '{}',
    removed_at            timestamptz,
    removed_stamp         timestamptz,
    created_at            timestamptz not null,
    updated_at            timestamptz not null,
    primary key (account_id, id),
    unique (account_id, integration_id, session_id),
    foreign key (account_id, integration_id) references integrations (account_id, id),
    foreign key (account_id, contact_id) references contacts (account_id, id),
    check (contact_id is null or skip_reason is null)
);
create index conversations_by_contact on conversations (account_id, contact_id, crisp_updated_at desc, id desc) where contact_id is not null and removed_at is null;
create index conversations_by_session on conversations (account_id, session_id);
create index conversations_by_email on conversations (account_id, email_key) where email_key is not null;
create index conversations_by_people_id on conversations (account_id, integration_id, people_id) where people_id is not null;
create index conversations_messages_due on conversations (account_id, integration_id, messages_urgent desc, crisp_updated_at desc) where messages_due;
create index conversations_skipped on conversations (account_id, integration_id, crisp_updated_at desc, id desc) where skip_reason is not null and removed_at is null;
comment on table conversations is 'Every conversation seen in Crisp. One with a contact is shown; one with a skip_reason waits for a contact; one with removed_at is gone.';
comment on column conversations.account_id is 'The tenant.';
comment on column conversations.id is 'UUIDv7.';
comment on column conversations.integration_id is 'The integration it came through.';
comment on column conversations.session_id is 'Crisp''s session id: the external id that deduplicates.';
comment on column conversations.people_id is 'The Crisp profile it is linked to, if any.';
comment on column conversations.email is 'E-mail of the visitor as Crisp has it (meta.email).';
comment on column conversations.email_key is 'Its normal form.';
comment on column conversations.nickname is 'The visitor''s name.';
comment on column conversations.status is 'Crisp''s state.';
comment on column conversations.subject is 'meta.subject.';
comment on column conversations.origin is 'meta.origin: chat, email, urn:….';
comment on column conversations.assigned_user_id is 'The assigned operator.';
comment on column conversations.crisp_created_at is 'created_at of Crisp.';
comment on column conversations.crisp_updated_at is 'updated_at of Crisp: follows messages.';
comment on column conversations.contact_id is 'The contact it was matched to; null = not shown.';
comment on column conversations.matched_by is 'The rule that matched it.';
comment on column conversations.skip_reason is 'Why it is not imported.';
comment on column conversations.newest_fingerprint is 'Newest message as last told by a list row (preview_message).';
comment on column conversations.messages_due is 'Its messages have to be read from Crisp.';
comment on column conversations.messages_urgent is 'They are wanted by live work, not by a backfill.';
comment on column conversations.messages_reread is 'Every message is to be read again, known or not.';
comment on column conversations.messages_attempts is 'Reads of its messages that failed in a row.';
comment on column conversations.messages_retry_at is 'Not to be read again before.';
comment on column conversations.messages_walk is 'While its messages are being read backwards: how far, and what the list said when that began; null = not under way.';
comment on column conversations.messages_read_to_ms is 'sent_at (ms) of the newest message at the last whole read: a later read ends where it meets it.';
comment on column conversations.messages_hooked_fingerprint is 'Newest message that a hook brought.';
comment on column conversations.messages_known_fingerprint is 'newest_fingerprint at the last whole read of the messages.';
comment on column conversations.messages_known_at is 'crisp_updated_at at the last whole read of the messages.';
comment on column conversations.message_count is 'Live messages of every type, no tombstones.';
comment on column conversations.last_message_at is 'sent_at of the newest live message.';
comment on column conversations.waiting_on_us_since is 'sent_at of the first inbound message after the last reply; null = the visitor has an answer.';
comment on column conversations.first_inbound_at is 'First message of the visitor.';
comment on column conversations.first_reply_at is 'First reply of an operator after it.';
comment on column conversations.hook_stamps is 'Per field that a hook set: [envelope timestamp ms of Crisp, arrival ms of ours].';
comment on column conversations.removed_at is 'When it was found to be removed in Crisp.';
comment on column conversations.removed_stamp is 'Envelope timestamp of the removal hook, if a hook told.';
comment on column conversations.created_at is 'First stored.';
comment on column conversations.updated_at is 'Last changed here.';

create table conversation_companies (
    account_id       uuid        not null references accounts (id),
    company_id       uuid        not null,
    conversation_id  uuid        not null,
    crisp_updated_at timestamptz,
    primary key (account_id, conversation_id, company_id),
    foreign key (account_id, company_id) references companies (account_id, id) on delete cascade,
    foreign key (account_id, conversation_id) references conversations (account_id, id) on delete cascade
);
create index conversation_companies_newest on conversation_companies (account_id, company_id, crisp_updated_at desc, conversation_id desc);
comment on table conversation_companies is 'The company views: follows the contact''s companies in the transaction that changes either. Only shown conversations have rows.';
comment on column conversation_companies.account_id is 'The tenant.';
comment on column conversation_companies.company_id is 'The company.';
comment on column conversation_companies.conversation_id is 'The conversation.';
comment on column conversation_companies.crisp_updated_at is 'Copy of the conversation''s, for newest-first paging.';

create table messages (
    account_id      uuid        not null references accounts (id),
    conversation_id uuid        not null,
    fingerprint     bigint      not null,
    id              uuid        not null,
    direction       text        check (direction in ('inbound', 'outbound')),
    internal        boolean     not null default false,
    kind            text,
    body            text,
    content         jsonb,
    sender_name     text,
    sender_id       text,
    sent_at         timestamptz,
    edited_at       timestamptz,
    removed_at      timestamptz,
    content_stamp_ms bigint,
    content_hooked_at timestamptz,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    primary key (account_id, conversation_id, fingerprint),
    foreign key (account_id, conversation_id) references conversations (account_id, id) on delete cascade
);
create index messages_in_order on messages (account_id, conversation_id, sent_at, fingerprint);
comment on table messages is 'Messages of shown conversations. A row without sent_at is what an early edit or removal hook left behind: it waits for its message and is not shown.';
comment on column messages.account_id is 'The tenant.';
comment on column messages.conversation_id is 'Its conversation.';
comment on column messages.fingerprint is 'Crisp''s id of the message, unique within the conversation.';
comment on column messages.id is 'UUIDv7.';
comment on column messages.direction is 'inbound (visitor) or outbound (operator).';
comment on column messages.internal is 'Notes and event lines: never shown as a reply.';
comment on column messages.kind is 'Crisp''s message type.';
comment on column messages.body is 'What a person can read; null for a tombstone.';
comment on column messages.content is 'Structured content as Crisp sent it; null for plain text and notes.';
comment on column messages.sender_name is 'Who wrote it.';
comment on column messages.sender_id is 'Crisp''s user_id of who wrote it.';
comment on column messages.sent_at is 'Crisp''s timestamp.';
comment on column messages.edited_at is 'When Crisp says it was edited, else when it was noticed.';
comment on column messages.removed_at is 'Tombstone: removed in Crisp.';
comment on column messages.content_stamp_ms is 'Envelope timestamp (ms, Crisp''s clock) of the hook that last set the content.';
comment on column messages.content_hooked_at is 'When that hook arrived (our clock).';
comment on column messages.created_at is 'First stored.';
comment on column messages.updated_at is 'Last changed.';

create table match_decisions (
    account_id      uuid        not null references accounts (id),
    conversation_id uuid        not null,
    id              uuid        not null,
    decided_at      timestamptz not null,
    cause           text        not null,
    decision        jsonb       not null,
    primary key (account_id, conversation_id, id),
    foreign key (account_id, conversation_id) references conversations (account_id, id) on delete cascade
);
comment on table match_decisions is 'Why a conversation belongs to its contact, or to none: one row for each time the answer changed.';
comment on column match_decisions.account_id is 'The tenant.';
comment on column match_decisions.conversation_id is 'The conversation.';
comment on column match_decisions.id is 'UUIDv7.';
comment on column match_decisions.decided_at is 'When it was decided.';
comment on column match_decisions.cause is 'What made us decide: import, hook, directory, profile, ….';
comment on column match_decisions.decision is 'The whole decision with its evidence and candidates (crisp-matching).';

create table operators (
    account_id     uuid        not null references accounts (id),
    integration_id uuid        not null,
    user_id        text        not null,
    name           text        not null,
    seen_at        timestamptz not null,
    primary key (account_id, integration_id, user_id),
    foreign key (account_id, integration_id) references integrations (account_id, id)
);
comment on table operators is 'Names of Crisp operators; kept after they leave the workspace.';
comment on column operators.account_id is 'The tenant.';
comment on column operators.integration_id is 'The integration.';
comment on column operators.user_id is 'Crisp''s id of the operator.';
comment on column operators.name is 'The name people see.';
comment on column operators.seen_at is 'When the name was last told.';

create table unreadable_records (
    account_id     uuid        not null references accounts (id),
    integration_id uuid        not null,
    kind           text        not null check (kind in ('profile', 'conversation', 'message')),
    external_id    text        not null,
    detail         text        not null,
    seen_at        timestamptz not null,
    primary key (account_id, integration_id, kind, external_id),
    foreign key (account_id, integration_id) references integrations (account_id, id)
);
comment on table unreadable_records is 'Records that could not be read, with the reason; a record that reads well again leaves.';
comment on column unreadable_records.account_id is 'The tenant.';
comment on column unreadable_records.integration_id is 'The integration.';
comment on column unreadable_records.kind is 'profile, conversation or message.';
comment on column unreadable_records.external_id is 'People id, session id, or session_id:fingerprint; a description of its place where it has none.';
comment on column unreadable_records.detail is 'What could not be read, without the value.';
comment on column unreadable_records.seen_at is 'When it was last met.';

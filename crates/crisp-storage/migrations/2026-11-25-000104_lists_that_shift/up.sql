-- What leaves a list while it is read pulls other rows to pages that were read before: a run looks for that.

create index conversations_removed on conversations (account_id, integration_id, removed_at) where removed_at is not null;

alter table integrations add column people_unsorted boolean not null default false;

comment on column integrations.people_unsorted is 'Whether the website refuses to list people in the order of their creation.';

-- A sync says why it skipped conversations, not only how many.
alter table sync_runs add column conversations_before_backfill bigint not null default 0;
comment on column sync_runs.conversations_before_backfill is 'Of those skipped: older than the backfill window. The others match nobody.';

-- Bookmarks are kept in the bookmark; nothing ever stood here.
alter table sync_runs drop column signpost;

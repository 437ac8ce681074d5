alter table sync_runs add column signpost timestamptz;
comment on column sync_runs.signpost is 'Newest change that Crisp''s lists had told of when the run began (Crisp''s clock).';
alter table sync_runs drop column conversations_before_backfill;

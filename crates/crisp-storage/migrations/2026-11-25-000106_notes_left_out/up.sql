-- Notes that were not imported while they were not wanted: switched on again, only these conversations are read again.
alter table conversations add column notes_left_out boolean not null default false;
comment on column conversations.notes_left_out is 'It has internal notes that are not stored, because they were not wanted.';

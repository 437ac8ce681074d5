-- A message whose time Crisp does not tell is shown somewhere, but its place in time proves nothing: it must never be
-- taken for gone because a list of that stretch of time lacks it.
alter table messages add column sent_at_assumed boolean not null default false;
comment on column messages.sent_at_assumed is 'Whether sent_at is ours, because Crisp does not tell it: good for showing, no proof of anything.';

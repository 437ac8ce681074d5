-- Incremental runs read the pages behind the newest again in turn: changes that move no updated_at are found there.

alter table integrations add column next_rolling_page integer not null default 2;

comment on column integrations.next_rolling_page is 'Which page of the list of conversations the next incremental run reads again, besides the newest.';

-- What is known beforehand of a full sync, so that one under way can say how far it is and when it will be done.

alter table integrations
    add column expected_conversations bigint,
    add column expected_requests bigint;

comment on column integrations.expected_conversations is 'How many conversations the website lists: as the last forecast counted, or the last full pass read.';
comment on column integrations.expected_requests is 'How many Crisp requests the last forecast of a first import came to.';

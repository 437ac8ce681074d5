-- All conversations of an account, the most recently updated first.

create index conversations_newest on conversations (account_id, crisp_updated_at desc, id desc) where contact_id is not null and removed_at is null;

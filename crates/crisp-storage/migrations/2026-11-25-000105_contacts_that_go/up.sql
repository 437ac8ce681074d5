-- A contact may go only where no conversation names it, removed ones included: each deletion looks for one.
create index conversations_of_contact on conversations (account_id, contact_id) where contact_id is not null;

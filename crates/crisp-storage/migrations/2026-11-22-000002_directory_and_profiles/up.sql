-- Custify's contacts and companies, and the Crisp profiles that enrich them.

create table companies (
    account_id  uuid        not null references accounts (id),
    id          uuid        not null,
    external_id text        not null,
    name        text,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (account_id, id),
    unique (account_id, external_id)
);
comment on table companies is 'Companies of the Custify directory.';
comment on column companies.account_id is 'The tenant.';
comment on column companies.id is 'UUIDv7.';
comment on column companies.external_id is 'The id by which Custify''s own services know the company.';
comment on column companies.name is 'Its name.';
comment on column companies.created_at is 'First written.';
comment on column companies.updated_at is 'Last changed.';

create table contacts (
    account_id     uuid        not null references accounts (id),
    id             uuid        not null,
    external_id    text,
    email          text,
    email_key      text,
    name           text,
    phone          text,
    phone_e164     text,
    signed_up_at   timestamptz,
    attributes     jsonb       not null,
    from_crisp     jsonb       not null,
    last_active_at timestamptz,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    primary key (account_id, id),
    unique (account_id, external_id)
);
create index contacts_by_email on contacts (account_id, email_key) where email_key is not null;
comment on table contacts is 'People of the Custify directory: written by its services, enriched or brought by Crisp profiles.';
comment on column contacts.account_id is 'The tenant.';
comment on column contacts.id is 'UUIDv7.';
comment on column contacts.external_id is 'The id by which Custify''s services know the contact; null for one that only Crisp brought.';
comment on column contacts.email is 'As it was given.';
comment on column contacts.email_key is 'Normal form of email for matching: trimmed, lower case, ASCII domain.';
comment on column contacts.name is 'Full name.';
comment on column contacts.phone is 'As it was given.';
comment on column contacts.phone_e164 is 'Normal form of phone, where it has one.';
comment on column contacts.signed_up_at is 'When the person signed up.';
comment on column contacts.attributes is 'Custom attributes: a flat object.';
comment on column contacts.from_crisp is 'What the mapping last put into each target; a value that differs from it was edited by hand.';
comment on column contacts.last_active_at is 'Latest activity of any of its Crisp profiles; decides between two contacts with one e-mail.';
comment on column contacts.created_at is 'First written.';
comment on column contacts.updated_at is 'Last changed.';

create table contact_companies (
    account_id uuid    not null references accounts (id),
    contact_id uuid    not null,
    company_id uuid    not null,
    position   integer not null,
    primary key (account_id, contact_id, company_id),
    foreign key (account_id, contact_id) references contacts (account_id, id) on delete cascade,
    foreign key (account_id, company_id) references companies (account_id, id) on delete cascade
);
create index contact_companies_by_company on contact_companies (account_id, company_id);
comment on table contact_companies is 'Which companies a contact belongs to.';
comment on column contact_companies.account_id is 'The tenant.';
comment on column contact_companies.contact_id is 'The contact.';
comment on column contact_companies.company_id is 'The company.';
comment on column contact_companies.position is 'Place in the list as it was given.';

create table profiles (
    account_id     uuid        not null references accounts (id),
    integration_id uuid        not null,
    people_id      text        not null,
    contact_id     uuid        not null,
    email          text,
    email_key      text,
    raw            jsonb       not null,
    data           jsonb,
    active_last    timestamptz,
    crisp_updated_at timestamptz,
    hooked_at      timestamptz,
    hook_stamp     timestamptz,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    primary key (account_id, integration_id, people_id),
    foreign key (account_id, integration_id) references integrations (account_id, id),
    foreign key (account_id, contact_id) references contacts (account_id, id)
);
create index profiles_by_contact on profiles (account_id, contact_id);
create index profiles_by_email on profiles (account_id, email_key) where email_key is not null;
comment on table profiles is 'Crisp people profiles as they came, and the contact each became. Kept whole so that a changed mapping needs no Crisp request.';
comment on column profiles.account_id is 'The tenant.';
comment on column profiles.integration_id is 'The integration that read it.';
comment on column profiles.people_id is 'Crisp''s id of the person in this website.';
comment on column profiles.contact_id is 'The contact it became or enriches.';
comment on column profiles.email is 'The profile''s e-mail as Crisp has it.';
comment on column profiles.email_key is 'Its normal form.';
comment on column profiles.raw is 'The whole profile as Crisp sent it.';
comment on column profiles.data is 'Custom data (people/data), read only when the mapping uses it.';
comment on column profiles.active_last is 'Last seen, by Crisp''s clock.';
comment on column profiles.crisp_updated_at is 'The profile''s updated_at.';
comment on column profiles.hooked_at is 'When a hook last changed it (our clock).';
comment on column profiles.hook_stamp is 'Envelope timestamp of that hook (Crisp''s clock).';
comment on column profiles.created_at is 'First stored.';
comment on column profiles.updated_at is 'Last changed.';

create table erasures (
    account_id uuid        not null references accounts (id),
    email_hash bytea       not null,
    key_hash   bytea       not null,
    erased_at  timestamptz not null,
    primary key (account_id, email_hash, key_hash)
);
create index erasures_by_key on erasures (account_id, key_hash);
comment on table erasures is 'Keyed hashes of erased people''s e-mails, people ids and sessions: no later sync brings them back until the directory adds the e-mail again.';
comment on column erasures.account_id is 'The tenant.';
comment on column erasures.email_hash is 'Hash of the e-mail by which the person was erased: what belongs together is admitted again together.';
comment on column erasures.key_hash is 'HMAC-SHA256 of account, kind and value under the vault''s erasure key.';
comment on column erasures.erased_at is 'When the person was erased.';

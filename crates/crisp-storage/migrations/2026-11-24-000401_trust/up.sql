-- Whose a website was lately, by which token it was proven, and a wall around what the tenant role has no use for.

alter table integrations add column proven_token_hash bytea;
comment on column integrations.proven_token_hash is 'Keyed hash of the website''s token at the time of the proof: with another token in Crisp the proof is void.';

create table recent_claims (
    id             uuid        not null primary key,
    website_id     uuid        not null,
    account_id     uuid        not null,
    integration_id uuid        not null,
    claimed_at     timestamptz not null
);
create index recent_claims_by_website on recent_claims (website_id, claimed_at);
create index recent_claims_by_time on recent_claims (claimed_at);
comment on table recent_claims is 'Every claim of the last days, also of websites given free since: a proof made before is void once somebody else has claimed the website. Local: read and written by the system, append-only for the tenant role.';
comment on column recent_claims.id is 'UUIDv7.';
comment on column recent_claims.website_id is 'The Crisp website.';
comment on column recent_claims.account_id is 'Who claimed it.';
comment on column recent_claims.integration_id is 'For which integration.';
comment on column recent_claims.claimed_at is 'When.';

-- Not forced: hook intake, which knows no account, reads as the owner whose website it is.
alter table website_claims enable row level security;
create policy tenant on website_claims using (account_id = nullif(current_setting('app.account_id', true), '')::uuid);
alter table recent_claims enable row level security;
create policy tenant on recent_claims using (account_id = nullif(current_setting('app.account_id', true), '')::uuid);

do $$
begin
    if exists (select from pg_roles where rolname = 'crisp_tenant') then
        -- Claims are made and given up, never rewritten. What belongs to the system is none of the tenants' business,
        -- but for the hints that a tenant's transaction leaves about due work.
        revoke update on website_claims from crisp_tenant;
        grant insert on recent_claims to crisp_tenant;
        revoke all on quota_state, quota_grants, quota_waiters, request_counts, unclaimed_hooks from crisp_tenant;
        revoke delete on work_items from crisp_tenant;
    end if;
end
$$;

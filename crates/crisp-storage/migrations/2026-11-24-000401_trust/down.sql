do $$
begin
    if exists (select from pg_roles where rolname = 'crisp_tenant') then
        grant update on website_claims to crisp_tenant;
        grant select, insert, update, delete on quota_state, quota_grants, quota_waiters, request_counts, unclaimed_hooks to crisp_tenant;
        grant delete on work_items to crisp_tenant;
    end if;
end
$$;
drop policy tenant on website_claims;
alter table website_claims disable row level security;
drop table recent_claims;
alter table integrations drop column proven_token_hash;

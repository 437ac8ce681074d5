-- The second wall: row-level security for a role that owns nothing. Tenant transactions take the role and name their account.

do $$
begin
    create role crisp_tenant nologin;
exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then
        raise notice 'role crisp_tenant could not be created; row-level security still holds for the owner unless it is a superuser';
end
$$;

do $$
declare
    tenant_table text;
begin
    foreach tenant_table in array array[
        'integrations', 'audit_entries', 'companies', 'contacts', 'contact_companies', 'profiles', 'erasures',
        'conversations', 'conversation_companies', 'messages', 'match_decisions', 'operators', 'unreadable_records',
        'sync_runs', 'sightings', 'hooks', 'wanted_records']
    loop
        execute format('alter table %I enable row level security', tenant_table);
        execute format('alter table %I force row level security', tenant_table);
        execute format(
            'create policy tenant on %I using (account_id = nullif(current_setting(''app.account_id'', true), '''')::uuid)',
            tenant_table);
    end loop;
    -- Not forced: the owner walks all accounts to restore hints.
    alter table accounts enable row level security;
    create policy tenant on accounts using (id = nullif(current_setting('app.account_id', true), '')::uuid);

    if exists (select from pg_roles where rolname = 'crisp_tenant') then
        execute format('grant usage on schema %I to crisp_tenant', current_schema());
        execute format('grant select, insert, update, delete on all tables in schema %I to crisp_tenant', current_schema());
        revoke update, delete on audit_entries from crisp_tenant;
        revoke all on sealed_secrets from crisp_tenant;
        begin
            execute format('grant crisp_tenant to %I', current_user);
        exception when others then
            raise notice 'crisp_tenant could not be granted to %: %', current_user, sqlerrm;
        end;
    end if;
end
$$;

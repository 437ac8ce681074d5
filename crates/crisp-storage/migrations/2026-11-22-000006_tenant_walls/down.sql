drop policy tenant on accounts;
alter table accounts disable row level security;
do $$
declare
    wall record;
begin
    for wall in select tablename from pg_policies where policyname = 'tenant' and schemaname = current_schema() loop
        execute format('drop policy tenant on %I', wall.tablename);
        execute format('alter table %I no force row level security', wall.tablename);
        execute format('alter table %I disable row level security', wall.tablename);
    end loop;
end
$$;

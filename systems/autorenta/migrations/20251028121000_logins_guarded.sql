-- Supabase guards its logins by itself; those that were made here for want of it are guarded likewise.
do $$
begin
  if (select tableowner from pg_tables where schemaname = 'auth' and tablename = 'users') = current_user then
    alter table auth.users enable row level security;
  end if;
end
$$;

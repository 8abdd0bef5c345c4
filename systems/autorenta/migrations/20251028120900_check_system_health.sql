-- Tells on the channel system_alerts which condition holds just now, with its figure and nothing else: no row and no person
-- can be read from it. Listeners must be told the same again as long as it holds, since NOTIFY reaches only who listens.
create function public.check_system_health() returns void
language plpgsql set search_path = '' as $$
declare
  health public.v_system_health%rowtype;
begin
  select * into health from public.v_system_health;
  if health.stale_bookings > 5 then
    perform pg_notify('system_alerts', json_build_object('check', 'stale_bookings', 'value', health.stale_bookings)::text);
  end if;
  if health.recent_bookings = 0 then
    perform pg_notify('system_alerts', json_build_object('check', 'recent_bookings', 'value', health.recent_bookings)::text);
  end if;
  if health.stale_transactions > 3 then
    perform pg_notify('system_alerts', json_build_object('check', 'stale_transactions', 'value', health.stale_transactions)::text);
  end if;
end
$$;

revoke execute on function public.check_system_health from public, anon, authenticated;
grant execute on function public.check_system_health to autorenta_monitor;

-- Where the database has a clock of its own it checks itself, whoever else may ask.
do $$
begin
  if exists (select from pg_extension where extname = 'pg_cron') then
    perform cron.schedule('check-health', '*/5 * * * *', 'select public.check_system_health()');
  end if;
end
$$;

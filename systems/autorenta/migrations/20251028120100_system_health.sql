-- What monitoring may know: five figures and no row. It runs with its owner's rights, so that the monitoring role needs
-- none on the tables behind it.
create view public.v_system_health as
select
  (select count(*) from public.bookings
    where status = 'pending_payment' and created_at < now() - interval '1 hour') as stale_bookings,
  (select count(*) from public.bookings
    where created_at > now() - interval '1 hour') as recent_bookings,
  (select count(*) from public.wallet_transactions
    where status = 'pending' and created_at < now() - interval '15 minutes') as stale_transactions,
  (select count(*) from public.cars
    where status = 'active') as active_cars,
  (select avg(total_amount) from public.bookings
    where created_at > now() - interval '24 hours') as avg_booking_amount_24h;

revoke all on public.v_system_health from public, anon, authenticated;
grant select on public.v_system_health to autorenta_monitor;

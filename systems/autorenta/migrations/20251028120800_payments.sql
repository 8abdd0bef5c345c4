-- Nobody rents their own car; and money only moves in one place.

drop policy book_for_oneself on public.bookings;
create policy book_for_oneself on public.bookings for insert to authenticated
  with check (
    renter_id = (select auth.uid())
    and exists (
      select from public.cars
      where cars.id = bookings.car_id and cars.status = 'active' and cars.owner_id <> (select auth.uid())
    )
  );

do $$
begin
  if not exists (select from pg_roles where rolname = 'autorenta_payments') then
    create role autorenta_payments nologin;
  end if;
end
$$;

-- Takes in what the payment provider tells. Told any number of times, it counts once: the provider's own number is unique.
-- Returns 'confirmed', 'repeated', or 'kept' for money that fits no unpaid booking: it stays in the renter's wallet.
create function public.settle_payment(booking text, paid numeric, reference text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  found_booking public.bookings%rowtype;
begin
  -- Whoever is told of the same booking at the same moment waits here.
  select * into strict found_booking from public.bookings where id = booking for update;
  insert into public.wallet_transactions (user_id, booking_id, type, amount, status, provider_reference)
    values (found_booking.renter_id, booking, 'deposit', paid, 'completed', reference)
    on conflict (provider_reference) do nothing;
  if not found then
    return 'repeated';
  end if;
  if found_booking.status <> 'pending_payment' or found_booking.total_amount <> paid then
    return 'kept';
  end if;
  insert into public.wallet_transactions (user_id, booking_id, type, amount, status)
    values (found_booking.renter_id, booking, 'charge', -paid, 'completed');
  update public.bookings set status = 'confirmed' where id = booking;
  return 'confirmed';
end
$$;

revoke execute on function public.settle_payment from public, anon, authenticated;
grant usage on schema public to autorenta_payments;
grant execute on function public.settle_payment to autorenta_payments;

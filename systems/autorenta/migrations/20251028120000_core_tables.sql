-- Users, cars, bookings and wallet transactions: every column that the staging seed, v_system_health and the five
-- indexes use. The same files run on Supabase and on a plain Postgres; what Supabase brings is made only where it is missing.

create extension if not exists btree_gist;

do $$
begin
  if not exists (select from pg_roles where rolname = 'anon') then
    create role anon nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'authenticated') then
    create role authenticated nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'autorenta_monitor') then
    create role autorenta_monitor nologin;
  end if;

  if to_regclass('auth.users') is null then
    create schema if not exists auth;
    create table auth.users (
      id uuid primary key,
      email text unique,
      created_at timestamptz not null default now()
    );
    -- Whoever the current request speaks for, as PostgREST hands it down.
    create function auth.uid() returns uuid language sql stable as $uid$
      select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
    $uid$;
    grant usage on schema auth to anon, authenticated;
  end if;
end
$$;

-- A person's public half; the login itself stays in auth.users.
create table public.users (
  id uuid primary key references auth.users (id) on delete cascade,
  display_name text,
  created_at timestamptz not null default now()
);

-- Whoever signs up gets a row in public.users in the same transaction, so that nothing can refer to half a person.
create function public.add_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.users (id) values (new.id) on conflict (id) do nothing;
  return new;
end
$$;
revoke execute on function public.add_user() from public;

create trigger add_user after insert on auth.users
  for each row execute function public.add_user();

insert into public.users (id) select id from auth.users on conflict (id) do nothing;

-- Ids of cars and bookings are text, as the seed has them ('car-test-001').
create table public.cars (
  id text primary key default gen_random_uuid()::text,
  owner_id uuid not null references public.users (id),
  brand text not null,
  model text not null,
  year integer not null check (year between 1950 and 2100),
  daily_rate numeric(12, 2) not null check (daily_rate > 0),
  -- Longitude and latitude. A point needs no PostGIS and has a GiST operator class of its own.
  location point,
  status text not null default 'draft' check (status in ('draft', 'active', 'suspended', 'retired')),
  created_at timestamptz not null default now()
);

create table public.bookings (
  id text primary key default gen_random_uuid()::text,
  car_id text not null references public.cars (id),
  renter_id uuid not null references public.users (id),
  start_date date not null,
  -- Exclusive: the day the car is back and free for the next renter.
  end_date date not null,
  total_amount numeric(12, 2) not null check (total_amount >= 0),
  status text not null default 'pending_payment'
    check (status in ('pending_payment', 'confirmed', 'in_progress', 'completed', 'cancelled', 'expired')),
  created_at timestamptz not null default now(),
  check (end_date > start_date),
  -- A car is never promised to two people for the same night. Cancelled and expired bookings free it.
  constraint bookings_no_overlap exclude using gist (
    car_id with =,
    daterange(start_date, end_date, '[)') with &&
  ) where (status not in ('cancelled', 'expired'))
);

-- A renter names car and dates, never the price: it follows from the car. Imports may bring their own.
create function public.price_booking() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.total_amount is null then
    select (new.end_date - new.start_date) * cars.daily_rate into new.total_amount
      from public.cars where cars.id = new.car_id;
  end if;
  return new;
end
$$;

create trigger price_booking before insert on public.bookings
  for each row execute function public.price_booking();

create table public.wallet_transactions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id),
  booking_id text references public.bookings (id),
  type text not null check (type in ('deposit', 'charge', 'refund', 'payout')),
  -- Signed: what enters the wallet is positive, what leaves it negative.
  amount numeric(12, 2) not null check (amount <> 0),
  status text not null default 'pending' check (status in ('pending', 'completed', 'failed')),
  -- The payment provider's own number: a notification that comes twice meets it and changes nothing.
  provider_reference text unique,
  created_at timestamptz not null default now(),
  check ((type in ('deposit', 'refund')) = (amount > 0))
);

-- Row security binds everybody but the owner, who runs migrations, dumps and invariants and must see every row.
-- No person's request runs as the owner.
alter table public.users enable row level security;
alter table public.cars enable row level security;
alter table public.bookings enable row level security;
alter table public.wallet_transactions enable row level security;

create policy own_profile on public.users for select to authenticated
  using (id = (select auth.uid()));
create policy rename_oneself on public.users for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

create policy active_cars on public.cars for select to anon, authenticated
  using (status = 'active');
create policy own_cars on public.cars for all to authenticated
  using (owner_id = (select auth.uid())) with check (owner_id = (select auth.uid()));

create policy own_bookings on public.bookings for select to authenticated
  using (
    renter_id = (select auth.uid())
    or exists (select from public.cars where cars.id = bookings.car_id and cars.owner_id = (select auth.uid()))
  );
create policy book_for_oneself on public.bookings for insert to authenticated
  with check (
    renter_id = (select auth.uid())
    and exists (select from public.cars where cars.id = bookings.car_id and cars.status = 'active')
  );

create policy own_wallet on public.wallet_transactions for select to authenticated
  using (user_id = (select auth.uid()));

-- Supabase grants everything on a new table to anon and authenticated: what they may do is said here, column by column
-- where a value must not come from outside: ids, the price and the status of a booking.
revoke all on public.users, public.cars, public.bookings, public.wallet_transactions from anon, authenticated;
grant usage on schema public to anon, authenticated, autorenta_monitor;
grant select, update (display_name) on public.users to authenticated;
grant select on public.cars to anon, authenticated;
grant insert (owner_id, brand, model, year, daily_rate, location, status) on public.cars to authenticated;
grant update (brand, model, year, daily_rate, location, status), delete on public.cars to authenticated;
grant select, insert (car_id, renter_id, start_date, end_date) on public.bookings to authenticated;
grant select on public.wallet_transactions to authenticated;

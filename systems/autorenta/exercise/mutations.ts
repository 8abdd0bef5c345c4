import type { Mutation } from 'aval'

/** A break of each thing that the schema watches over. */
export const mutations: readonly Mutation[] = [
  {
    id: 'overlap-accepted',
    breaks: 'integrity/database/car-rented-once',
    description: 'Two people may book a car for the same night',
    sql: ['alter table public.bookings drop constraint bookings_no_overlap'],
  },
  {
    id: 'own-car-rented',
    breaks: 'integrity/database/owner-does-not-rent-own-car',
    description: 'The policy of bookings compares the renter and not the owner of the car',
    sql: [
      'drop policy book_for_oneself on public.bookings',
      'create policy book_for_oneself on public.bookings for insert to authenticated with check (renter_id = (select auth.uid()))',
    ],
  },
  {
    id: 'half-a-person',
    breaks: 'integrity/database/login-has-person',
    description: 'Whoever signs up gets no row of their own',
    sql: ['drop trigger add_user on auth.users'],
  },
  {
    id: 'charged-twice',
    breaks: 'integrity/database/wallet-not-negative',
    description: 'A booking is charged once more than was paid',
    sql: [
      `create function public.charge_again() returns trigger language plpgsql security definer set search_path = '' as $$
       begin
         insert into public.wallet_transactions (user_id, booking_id, type, amount, status)
           values (new.user_id, new.booking_id, 'charge', new.amount, 'completed');
         return null;
       end $$`,
      `create trigger charge_again after insert on public.wallet_transactions
         for each row when (new.type = 'charge' and pg_trigger_depth() = 0) execute function public.charge_again()`,
    ],
  },
  {
    id: 'payment-forgotten',
    breaks: 'recovery/database/loss',
    description: 'A booking that was paid goes back to unpaid once somebody else books',
    sql: [
      `create function public.forget_payment() returns trigger language plpgsql security definer set search_path = '' as $$
       begin
         update public.bookings set status = 'pending_payment'
           where id = (select id from public.bookings where status = 'confirmed' order by created_at limit 1);
         return null;
       end $$`,
      `create trigger forget_payment after insert on public.bookings
         for each row execute function public.forget_payment()`,
    ],
  },
]

-- The planner sees the new indexes' value only through fresh figures.
analyze public.bookings;
analyze public.cars;
analyze public.wallet_transactions;

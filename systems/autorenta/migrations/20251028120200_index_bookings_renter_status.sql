-- One index a file: CONCURRENTLY runs outside a transaction, so a build that fails must not take others with it. A failed
-- build leaves an invalid index behind; the next run then stops at its name instead of trusting it.
create index concurrently idx_bookings_renter_id_status on public.bookings (renter_id, status);

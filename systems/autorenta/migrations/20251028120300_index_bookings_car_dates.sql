create index concurrently idx_bookings_car_id_dates on public.bookings (car_id, start_date, end_date);

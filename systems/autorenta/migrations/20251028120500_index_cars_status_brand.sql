create index concurrently idx_cars_status_brand on public.cars (status, brand);

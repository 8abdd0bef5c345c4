create index concurrently idx_cars_location on public.cars using gist (location);

-- Two invented people, two cars and one booking, enough to try the whole way of a rental.
insert into auth.users (id, email) values
  ('11111111-1111-1111-1111-111111111111', 'test-owner@staging.com'),
  ('22222222-2222-2222-2222-222222222222', 'test-renter@staging.com');

insert into public.cars (id, owner_id, brand, model, year, daily_rate, status) values
  ('car-test-001', '11111111-1111-1111-1111-111111111111', 'Toyota', 'Corolla', 2023, 5000, 'active'),
  ('car-test-002', '11111111-1111-1111-1111-111111111111', 'Honda', 'Civic', 2024, 6000, 'active');

insert into public.bookings (id, car_id, renter_id, start_date, end_date, total_amount, status) values
  ('booking-test-001', 'car-test-001', '22222222-2222-2222-2222-222222222222', '2025-11-01', '2025-11-05', 20000, 'confirmed');

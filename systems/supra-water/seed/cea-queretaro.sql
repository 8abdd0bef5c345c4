-- One tenant and ten invented customers, each with take, meter, contract and three months of readings. The ids say which
-- row they are, so that a developer recognises them anywhere.
insert into tenants (id, slug, name, rfc, fiscal_name, config) values (
  '00000000-0000-0000-0000-000000000001',
  'cea-queretaro',
  'CEA Queretaro',
  'CEQ850101AAA',
  'Comision Estatal de Aguas de Queretaro',
  '{"timezone": "America/Mexico_City", "currency": "MXN", "default_tariff_type": "domestico"}');

insert into tariff_schedules (tenant_id, name, type, effective_from, blocks) values (
  '00000000-0000-0000-0000-000000000001',
  'Domestico 2026',
  'domestico',
  '2026-01-01',
  '[
    {"from_m3": 0, "to_m3": 10, "price_per_m3": 5.50, "fixed_charge": 45.00},
    {"from_m3": 10, "to_m3": 20, "price_per_m3": 8.75, "fixed_charge": 0},
    {"from_m3": 20, "to_m3": 40, "price_per_m3": 14.50, "fixed_charge": 0},
    {"from_m3": 40, "to_m3": null, "price_per_m3": 22.00, "fixed_charge": 0}
  ]');

insert into users (tenant_id, email, role) values
  ('00000000-0000-0000-0000-000000000001', 'admin@test.com', 'admin'),
  ('00000000-0000-0000-0000-000000000001', 'billing@test.com', 'billing'),
  ('00000000-0000-0000-0000-000000000001', 'service@test.com', 'service'),
  ('00000000-0000-0000-0000-000000000001', 'field@test.com', 'field');

insert into persons (tenant_id, id, first_name, paternal_surname, maternal_surname, rfc, curp, email, phone)
select '00000000-0000-0000-0000-000000000001',
  format('00000000-0000-0000-0001-%s', lpad(number::text, 12, '0'))::uuid, given, father, mother, rfc, curp, email, phone
from (values
  (1, 'Maria', 'Garcia', 'Lopez', 'GALM800101AAA', 'GALM800101MQRRPR01', 'maria.garcia@test.com', '+524421234567'),
  (2, 'Juan', 'Martinez', 'Hernandez', 'MAHJ750515BBB', 'MAHJ750515HQRRRT02', 'juan.martinez@test.com', '+524429876543'),
  (3, 'Lucia', 'Ramirez', 'Soto', 'RASL900220AB1', 'RASL900220MQTMTC03', 'lucia.ramirez@test.com', '+524420000003'),
  (4, 'Pedro', 'Torres', 'Vega', 'TOVP680730AB2', 'TOVP680730HQTRGD04', 'pedro.torres@test.com', '+524420000004'),
  (5, 'Ana', 'Flores', 'Reyes', 'FORA850912AB3', 'FORA850912MQTLYN05', 'ana.flores@test.com', '+524420000005'),
  (6, 'Jorge', 'Mendoza', 'Cruz', 'MECJ790404AB4', 'MECJ790404HQTNRR06', 'jorge.mendoza@test.com', '+524420000006'),
  (7, 'Elena', 'Castillo', 'Rios', 'CARE930617AB5', 'CARE930617MQTSSL07', 'elena.castillo@test.com', '+524420000007'),
  (8, 'Raul', 'Ortega', 'Luna', 'OELR710825AB6', 'OELR710825HQTRNL08', 'raul.ortega@test.com', '+524420000008'),
  (9, 'Sofia', 'Navarro', 'Pena', 'NAPS880303AB7', 'NAPS880303MQTVXF09', 'sofia.navarro@test.com', '+524420000009'),
  (10, 'Diego', 'Salinas', 'Mora', 'SAMD820111AB8', 'SAMD820111HQTLRG10', 'diego.salinas@test.com', '+524420000010')
) as invented (number, given, father, mother, rfc, curp, email, phone);

insert into sectores_hidraulicos (tenant_id, id, code, name) values
  ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0002-000000000001', 'SH-01', 'Centro'),
  ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0002-000000000002', 'SH-02', 'Juriquilla');

insert into addresses (tenant_id, id, person_id, street, exterior_number, neighbourhood, municipality, postal_code)
select '00000000-0000-0000-0000-000000000001',
  format('00000000-0000-0000-0003-%s', lpad(n::text, 12, '0'))::uuid,
  format('00000000-0000-0000-0001-%s', lpad(n::text, 12, '0'))::uuid,
  'Calle de Prueba', n::text, 'Centro', 'Queretaro', '76000'
from generate_series(1, 10) as n;

insert into tomas (tenant_id, id, account_number, sector_id, address_id)
select '00000000-0000-0000-0000-000000000001',
  format('00000000-0000-0000-0004-%s', lpad(n::text, 12, '0'))::uuid,
  format('QRO-%s', lpad(n::text, 6, '0')),
  format('00000000-0000-0000-0002-00000000000%s', 1 + n % 2)::uuid,
  format('00000000-0000-0000-0003-%s', lpad(n::text, 12, '0'))::uuid
from generate_series(1, 10) as n;

insert into acometidas (tenant_id, toma_id, diameter_mm, installed_on)
select tenant_id, id, 13, '2020-01-01' from tomas;

insert into meters (tenant_id, id, serial_number, toma_id, installed_on)
select '00000000-0000-0000-0000-000000000001',
  format('00000000-0000-0000-0005-%s', lpad(n::text, 12, '0'))::uuid,
  format('M-%s', lpad(n::text, 8, '0')),
  format('00000000-0000-0000-0004-%s', lpad(n::text, 12, '0'))::uuid,
  '2024-01-01'
from generate_series(1, 10) as n;

insert into contracts (tenant_id, id, number, person_id, toma_id, starts_on)
select '00000000-0000-0000-0000-000000000001',
  format('00000000-0000-0000-0006-%s', lpad(n::text, 12, '0'))::uuid,
  format('C-%s', lpad(n::text, 6, '0')),
  format('00000000-0000-0000-0001-%s', lpad(n::text, 12, '0'))::uuid,
  format('00000000-0000-0000-0004-%s', lpad(n::text, 12, '0'))::uuid,
  '2024-01-01'
from generate_series(1, 10) as n;

-- The take of customer n uses 4n + 5 cubic metres a month, so that the ten lie in all four blocks of the tariff.
insert into meter_readings (tenant_id, meter_id, read_at, value_m3)
select '00000000-0000-0000-0000-000000000001',
  format('00000000-0000-0000-0005-%s', lpad(n::text, 12, '0'))::uuid,
  make_timestamptz(2026, month, 1, 14, 0, 0, 'UTC'),
  100 + (month - 1) * (n * 4 + 5)
from generate_series(1, 10) as n, generate_series(1, 4) as month;

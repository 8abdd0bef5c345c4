-- Tariffs, invoices and payments. Money is MXN with two decimals; a price of a cubic metre has four.
CREATE TABLE tariff_schedules (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  type text NOT NULL,
  effective_from date NOT NULL,
  effective_to date CHECK (effective_to > effective_from),
  -- [{ from_m3, to_m3 | null, price_per_m3, fixed_charge }], rising, without gaps, the last one open.
  blocks jsonb NOT NULL CHECK (jsonb_typeof(blocks) = 'array' AND jsonb_array_length(blocks) > 0),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT tariffs_one_at_a_time EXCLUDE USING gist (
    tenant_id WITH =, type WITH =, daterange(effective_from, effective_to, '[)') WITH &&)
);
--> statement-breakpoint
CREATE TABLE invoices (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  number text NOT NULL,
  contract_id uuid NOT NULL,
  tariff_schedule_id uuid NOT NULL,
  period_start date NOT NULL,
  period_end date NOT NULL,
  consumption_m3 numeric(12, 3) NOT NULL CHECK (consumption_m3 >= 0),
  subtotal numeric(12, 2) NOT NULL CHECK (subtotal >= 0),
  tax numeric(12, 2) NOT NULL DEFAULT 0 CHECK (tax >= 0),
  total numeric(12, 2) NOT NULL,
  status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'stamped', 'paid', 'cancelled')),
  -- The tax authority's number of the stamped document; what is stamped or paid has one.
  cfdi_uuid uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number),
  UNIQUE (tenant_id, cfdi_uuid),
  FOREIGN KEY (tenant_id, contract_id) REFERENCES contracts (tenant_id, id),
  FOREIGN KEY (tenant_id, tariff_schedule_id) REFERENCES tariff_schedules (tenant_id, id),
  CHECK (period_end > period_start),
  CHECK (total = subtotal + tax),
  CHECK (status NOT IN ('stamped', 'paid') OR cfdi_uuid IS NOT NULL),
  -- A day is billed once. A cancelled invoice makes room for the one that replaces it.
  CONSTRAINT invoices_one_a_period EXCLUDE USING gist (
    tenant_id WITH =, contract_id WITH =, daterange(period_start, period_end, '[)') WITH &&)
    WHERE (status <> 'cancelled')
);
--> statement-breakpoint
CREATE TABLE invoice_lines (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  invoice_id uuid NOT NULL,
  position integer NOT NULL CHECK (position > 0),
  concept text NOT NULL,
  quantity_m3 numeric(12, 3) NOT NULL DEFAULT 0 CHECK (quantity_m3 >= 0),
  price_per_m3 numeric(12, 4) NOT NULL DEFAULT 0 CHECK (price_per_m3 >= 0),
  amount numeric(12, 2) NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (tenant_id, invoice_id, position),
  FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
--> statement-breakpoint
CREATE TABLE payments (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  invoice_id uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ('oxxo', 'spei', 'card')),
  amount numeric(12, 2) NOT NULL CHECK (amount > 0),
  -- The channel's own number: a notification that comes twice meets it and changes nothing.
  reference text NOT NULL,
  paid_at timestamptz NOT NULL,
  reconciled_at timestamptz CHECK (reconciled_at >= paid_at),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, channel, reference),
  FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoices (tenant_id, id)
);
--> statement-breakpoint
-- What is owed, in instalments.
CREATE TABLE payment_plans (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  contract_id uuid NOT NULL,
  total numeric(12, 2) NOT NULL CHECK (total > 0),
  instalments integer NOT NULL CHECK (instalments BETWEEN 1 AND 60),
  first_due_on date NOT NULL,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'kept', 'broken')),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contract_id) REFERENCES contracts (tenant_id, id)
);
--> statement-breakpoint
CREATE INDEX payments_invoice ON payments (tenant_id, invoice_id);
--> statement-breakpoint
CREATE INDEX payments_unreconciled ON payments (tenant_id, paid_at) WHERE reconciled_at IS NULL;
--> statement-breakpoint
CALL guard_by_tenant('tariff_schedules');
--> statement-breakpoint
CALL guard_by_tenant('invoices');
--> statement-breakpoint
CALL guard_by_tenant('invoice_lines');
--> statement-breakpoint
CALL guard_by_tenant('payments');
--> statement-breakpoint
CALL guard_by_tenant('payment_plans');
--> statement-breakpoint
-- Money that moved stays on the books: an invoice is cancelled, a payment is returned, neither disappears.
REVOKE DELETE ON invoices, payments FROM supra_api, supra_worker;

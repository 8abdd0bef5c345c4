-- What people do about takes and customers: work orders, contacts, suspected fraud.
CREATE TABLE work_orders (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  toma_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('leak', 'reading', 'installation', 'suspension', 'reconnection', 'inspection')),
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'assigned', 'done', 'cancelled')),
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz CHECK (closed_at >= opened_at),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, toma_id) REFERENCES tomas (tenant_id, id),
  CHECK ((status IN ('done', 'cancelled')) = (closed_at IS NOT NULL))
);
--> statement-breakpoint
CREATE INDEX work_orders_open ON work_orders (tenant_id, toma_id) WHERE closed_at IS NULL;
--> statement-breakpoint
CREATE TABLE contacts (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  person_id uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ('whatsapp', 'voice', 'web', 'counter')),
  subject text NOT NULL,
  happened_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, person_id) REFERENCES persons (tenant_id, id)
);
--> statement-breakpoint
CREATE INDEX contacts_person ON contacts (tenant_id, person_id, happened_at);
--> statement-breakpoint
CREATE TABLE fraud_cases (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  toma_id uuid NOT NULL,
  suspicion text NOT NULL,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'confirmed', 'dismissed')),
  opened_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, toma_id) REFERENCES tomas (tenant_id, id)
);
--> statement-breakpoint
CALL guard_by_tenant('work_orders');
--> statement-breakpoint
CALL guard_by_tenant('contacts');
--> statement-breakpoint
CALL guard_by_tenant('fraud_cases');

-- Where the water comes out: hydraulic sectors, takes (tomas), their connections to the main (acometidas), meters and
-- the contracts by which somebody pays. Periods end on the day that is no longer theirs.
CREATE TABLE sectores_hidraulicos (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  code text NOT NULL,
  name text NOT NULL,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code)
);
--> statement-breakpoint
CREATE TABLE tomas (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  account_number text NOT NULL,
  sector_id uuid NOT NULL,
  address_id uuid NOT NULL,
  use text NOT NULL DEFAULT 'domestico' CHECK (use IN ('domestico', 'comercial', 'industrial', 'publico')),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'closed')),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, account_number),
  FOREIGN KEY (tenant_id, sector_id) REFERENCES sectores_hidraulicos (tenant_id, id),
  FOREIGN KEY (tenant_id, address_id) REFERENCES addresses (tenant_id, id)
);
--> statement-breakpoint
CREATE TABLE acometidas (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  toma_id uuid NOT NULL,
  diameter_mm integer NOT NULL CHECK (diameter_mm > 0),
  installed_on date NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, toma_id) REFERENCES tomas (tenant_id, id)
);
--> statement-breakpoint
CREATE TABLE meters (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  serial_number text NOT NULL,
  toma_id uuid NOT NULL,
  installed_on date NOT NULL,
  removed_on date CHECK (removed_on > installed_on),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, toma_id) REFERENCES tomas (tenant_id, id),
  -- One meter hangs at one take, and a take has one meter, at any time.
  CONSTRAINT meters_one_place EXCLUDE USING gist (
    tenant_id WITH =, serial_number WITH =, daterange(installed_on, removed_on, '[)') WITH &&),
  CONSTRAINT meters_one_a_take EXCLUDE USING gist (
    tenant_id WITH =, toma_id WITH =, daterange(installed_on, removed_on, '[)') WITH &&)
);
--> statement-breakpoint
CREATE TABLE contracts (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  number text NOT NULL,
  person_id uuid NOT NULL,
  toma_id uuid NOT NULL,
  tariff_type text NOT NULL DEFAULT 'domestico',
  starts_on date NOT NULL,
  ends_on date CHECK (ends_on > starts_on),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number),
  FOREIGN KEY (tenant_id, person_id) REFERENCES persons (tenant_id, id),
  FOREIGN KEY (tenant_id, toma_id) REFERENCES tomas (tenant_id, id),
  -- Nobody pays for water that another contract already covers.
  CONSTRAINT contracts_one_a_take EXCLUDE USING gist (
    tenant_id WITH =, toma_id WITH =, daterange(starts_on, ends_on, '[)') WITH &&)
);
--> statement-breakpoint
CREATE INDEX contracts_person ON contracts (tenant_id, person_id);
--> statement-breakpoint
CALL guard_by_tenant('sectores_hidraulicos');
--> statement-breakpoint
CALL guard_by_tenant('tomas');
--> statement-breakpoint
CALL guard_by_tenant('acometidas');
--> statement-breakpoint
CALL guard_by_tenant('meters');
--> statement-breakpoint
CALL guard_by_tenant('contracts');

-- Tenants, persons and addresses. Every row says whose it is in tenant_id. Every key begins with it and every reference
-- carries it along: a faulty program cannot tie one utility's row to another's, and a refused insert tells nothing.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'supra_api') THEN
    CREATE ROLE supra_api NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'supra_worker') THEN
    CREATE ROLE supra_worker NOLOGIN;
  END IF;
END
$$;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO supra_api, supra_worker;
--> statement-breakpoint
-- The tenant of the session. Absent in a new session and '' once a SET LOCAL has ended: both mean none, and none sees nothing.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('app.current_tenant', true), '')::uuid
$$;
--> statement-breakpoint
-- Puts a table under its tenant's policy and opens it to the services. The owner is not bound: it runs migrations, dumps
-- and invariants and must see every row; no service connects as it.
CREATE PROCEDURE guard_by_tenant(guarded regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
  EXECUTE format(
    'CREATE POLICY own_tenant ON %s USING (tenant_id = (SELECT current_tenant())) WITH CHECK (tenant_id = (SELECT current_tenant()))',
    guarded);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO supra_api, supra_worker', guarded);
END
$$;
--> statement-breakpoint
CREATE TABLE tenants (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]*$'),
  name text NOT NULL,
  rfc text NOT NULL,
  fiscal_name text NOT NULL,
  config jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY own_tenant ON tenants FOR SELECT USING (id = (SELECT current_tenant()));
--> statement-breakpoint
GRANT SELECT ON tenants TO supra_api, supra_worker;
--> statement-breakpoint
CREATE TABLE persons (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  first_name text NOT NULL,
  paternal_surname text NOT NULL,
  maternal_surname text,
  -- Form only: 13 characters for a person, 12 for a company. Whether it exists, the tax authority knows.
  rfc text CHECK (rfc ~ '^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}$'),
  curp text CHECK (curp ~ '^[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX][A-Z]{2}[B-DF-HJ-NP-TV-Z]{3}[A-Z0-9][0-9]$'),
  email text,
  phone text CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, curp)
);
--> statement-breakpoint
CREATE TABLE addresses (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  person_id uuid,
  street text NOT NULL,
  exterior_number text NOT NULL,
  interior_number text,
  neighbourhood text NOT NULL,
  municipality text NOT NULL,
  postal_code text NOT NULL CHECK (postal_code ~ '^[0-9]{5}$'),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, person_id) REFERENCES persons (tenant_id, id)
);
--> statement-breakpoint
CREATE INDEX addresses_person ON addresses (tenant_id, person_id);
--> statement-breakpoint
-- Who works with the system. How they prove it is not kept here.
CREATE TABLE users (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  email text NOT NULL,
  role text NOT NULL CHECK (role IN ('admin', 'billing', 'service', 'field')),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, email)
);
--> statement-breakpoint
CALL guard_by_tenant('users');
--> statement-breakpoint
CALL guard_by_tenant('persons');
--> statement-breakpoint
CALL guard_by_tenant('addresses');

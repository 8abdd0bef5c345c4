-- What grows with time: domain events and meter readings, a partition a month.
CREATE TABLE domain_events (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  occurred_at timestamptz NOT NULL DEFAULT now(),
  type text NOT NULL,
  correlation_id text,
  payload jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (tenant_id, occurred_at, id)
) PARTITION BY RANGE (occurred_at);
--> statement-breakpoint
CREATE TABLE meter_readings (
  tenant_id uuid NOT NULL REFERENCES tenants (id),
  meter_id uuid NOT NULL,
  read_at timestamptz NOT NULL,
  -- What the dial shows, not what was used.
  value_m3 numeric(12, 3) NOT NULL CHECK (value_m3 >= 0),
  source text NOT NULL DEFAULT 'manual' CHECK (source IN ('manual', 'smart', 'estimated')),
  PRIMARY KEY (tenant_id, meter_id, read_at),
  FOREIGN KEY (tenant_id, meter_id) REFERENCES meters (tenant_id, id)
) PARTITION BY RANGE (read_at);
--> statement-breakpoint
CREATE TABLE domain_events_default PARTITION OF domain_events DEFAULT;
--> statement-breakpoint
CREATE TABLE meter_readings_default PARTITION OF meter_readings DEFAULT;
--> statement-breakpoint
-- Policies of the parent do not bind who reads a partition by its own name: each is closed by itself, without a policy,
-- and no service has a right on it.
ALTER TABLE domain_events_default ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE meter_readings_default ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
-- Makes the partitions of every month from the first to the last given; those that stand already are left alone. Run it
-- ahead of time: once rows of a month lie in the default partition, that month cannot be made until they are moved.
CREATE PROCEDURE make_month_partitions(parent regclass, first_month date, last_month date) LANGUAGE plpgsql AS $$
DECLARE
  month timestamp := date_trunc('month', first_month::timestamp);
  partition text;
BEGIN
  WHILE month <= last_month LOOP
    partition := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
    IF to_regclass(partition) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %s FOR VALUES FROM (%L) TO (%L)',
        partition, parent, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', partition);
    END IF;
    month := month + interval '1 month';
  END LOOP;
END
$$;
--> statement-breakpoint
CALL make_month_partitions('domain_events', '2026-01-01', '2027-12-01');
--> statement-breakpoint
CALL make_month_partitions('meter_readings', '2026-01-01', '2027-12-01');
--> statement-breakpoint
CALL guard_by_tenant('domain_events');
--> statement-breakpoint
CALL guard_by_tenant('meter_readings');

-- Clinics and what belongs to them. Every row says whose it is in "tenantId". Every key begins with it, so that a clinic
-- cannot learn by a refused insert that another has that id; every reference carries it along, so that not even a faulty
-- program can tie one clinic's row to another's.

do $$
begin
  if not exists (select from pg_roles where rolname = 'bloom_api') then
    create role bloom_api nologin;
  end if;
end
$$;

CREATE TABLE "tenants" (
  "id" UUID NOT NULL DEFAULT gen_random_uuid(),
  "slug" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "tenants_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "tenants_slug_key" ON "tenants" ("slug");

-- Staff of a clinic. An address is unique within it only: whether another clinic knows it must not show.
CREATE TABLE "users" (
  "id" UUID NOT NULL DEFAULT gen_random_uuid(),
  "tenantId" UUID NOT NULL,
  "email" TEXT NOT NULL,
  "name" TEXT NOT NULL,
  "role" TEXT NOT NULL DEFAULT 'practitioner',
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "users_pkey" PRIMARY KEY ("tenantId", "id"),
  CONSTRAINT "users_role_check" CHECK ("role" IN ('owner', 'reception', 'practitioner')),
  CONSTRAINT "users_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "tenants" ("id")
);
CREATE UNIQUE INDEX "users_tenantId_email_key" ON "users" ("tenantId", "email");

CREATE TABLE "clients" (
  "id" UUID NOT NULL DEFAULT gen_random_uuid(),
  "tenantId" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "email" TEXT,
  "phone" TEXT,
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "clients_pkey" PRIMARY KEY ("tenantId", "id"),
  CONSTRAINT "clients_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "tenants" ("id")
);

-- A number of sessions that a client bought in advance.
CREATE TABLE "packages" (
  "id" UUID NOT NULL DEFAULT gen_random_uuid(),
  "tenantId" UUID NOT NULL,
  "clientId" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "sessions" INTEGER NOT NULL,
  "price" DECIMAL(12, 2) NOT NULL,
  "expiresAt" TIMESTAMPTZ(3),
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "packages_pkey" PRIMARY KEY ("tenantId", "id"),
  CONSTRAINT "packages_sessions_check" CHECK ("sessions" > 0),
  CONSTRAINT "packages_price_check" CHECK ("price" >= 0),
  CONSTRAINT "packages_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "tenants" ("id"),
  CONSTRAINT "packages_tenantId_clientId_fkey" FOREIGN KEY ("tenantId", "clientId") REFERENCES "clients" ("tenantId", "id")
);
-- The client stands in the key so that a reservation can only be paid from a package of the same client.
CREATE UNIQUE INDEX "packages_tenantId_clientId_id_key" ON "packages" ("tenantId", "clientId", "id");

CREATE TABLE "reservations" (
  "id" UUID NOT NULL DEFAULT gen_random_uuid(),
  "tenantId" UUID NOT NULL,
  "clientId" UUID NOT NULL,
  "userId" UUID NOT NULL,
  "packageId" UUID,
  "startsAt" TIMESTAMPTZ(3) NOT NULL,
  "endsAt" TIMESTAMPTZ(3) NOT NULL,
  "status" TEXT NOT NULL DEFAULT 'booked',
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "reservations_pkey" PRIMARY KEY ("tenantId", "id"),
  CONSTRAINT "reservations_status_check" CHECK ("status" IN ('booked', 'attended', 'missed', 'cancelled')),
  CONSTRAINT "reservations_time_check" CHECK ("endsAt" > "startsAt"),
  CONSTRAINT "reservations_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "tenants" ("id"),
  CONSTRAINT "reservations_tenantId_clientId_fkey" FOREIGN KEY ("tenantId", "clientId") REFERENCES "clients" ("tenantId", "id"),
  CONSTRAINT "reservations_tenantId_userId_fkey" FOREIGN KEY ("tenantId", "userId") REFERENCES "users" ("tenantId", "id"),
  CONSTRAINT "reservations_tenantId_clientId_packageId_fkey" FOREIGN KEY ("tenantId", "clientId", "packageId")
    REFERENCES "packages" ("tenantId", "clientId", "id")
);
CREATE INDEX "reservations_tenantId_startsAt_idx" ON "reservations" ("tenantId", "startsAt");
CREATE INDEX "reservations_tenantId_clientId_idx" ON "reservations" ("tenantId", "clientId");

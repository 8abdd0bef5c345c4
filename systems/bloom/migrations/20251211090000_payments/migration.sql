-- What clients paid, for a package or for a single reservation. Money that came in is never edited or deleted: what is given
-- back is a payment of its own that names the first, and at most one.

CREATE TABLE "payments" (
  "id" UUID NOT NULL DEFAULT gen_random_uuid(),
  "tenantId" UUID NOT NULL,
  "clientId" UUID NOT NULL,
  "packageId" UUID,
  "reservationId" UUID,
  "refundOf" UUID,
  "method" TEXT NOT NULL,
  "amount" DECIMAL(12, 2) NOT NULL,
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "payments_pkey" PRIMARY KEY ("tenantId", "id"),
  CONSTRAINT "payments_method_check" CHECK ("method" IN ('cash', 'card', 'transfer')),
  CONSTRAINT "payments_amount_check" CHECK (CASE WHEN "refundOf" IS NULL THEN "amount" > 0 ELSE "amount" < 0 END),
  CONSTRAINT "payments_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "tenants" ("id"),
  CONSTRAINT "payments_tenantId_clientId_fkey" FOREIGN KEY ("tenantId", "clientId") REFERENCES "clients" ("tenantId", "id"),
  CONSTRAINT "payments_tenantId_clientId_packageId_fkey" FOREIGN KEY ("tenantId", "clientId", "packageId")
    REFERENCES "packages" ("tenantId", "clientId", "id"),
  CONSTRAINT "payments_tenantId_reservationId_fkey" FOREIGN KEY ("tenantId", "reservationId")
    REFERENCES "reservations" ("tenantId", "id"),
  CONSTRAINT "payments_tenantId_refundOf_fkey" FOREIGN KEY ("tenantId", "refundOf") REFERENCES "payments" ("tenantId", "id")
);
CREATE UNIQUE INDEX "payments_tenantId_refundOf_key" ON "payments" ("tenantId", "refundOf");
CREATE INDEX "payments_tenantId_clientId_createdAt_idx" ON "payments" ("tenantId", "clientId", "createdAt");
CREATE INDEX "payments_tenantId_packageId_idx" ON "payments" ("tenantId", "packageId");

ALTER TABLE "payments" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_clinic" ON "payments" FOR ALL
  USING ("tenantId" = (SELECT "current_tenant"())) WITH CHECK ("tenantId" = (SELECT "current_tenant"()));
GRANT SELECT, INSERT ON "payments" TO "bloom_api";

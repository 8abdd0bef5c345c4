-- A session sees the clinic named by app.current_tenant and nothing else. Without a name it sees nothing: the setting is
-- absent in a new session and '' after a SET LOCAL has ended, and neither may turn into an error that hides a forgotten name
-- or into a match.
--
-- The policies bind every role but the owner, who runs migrations, dumps and invariants and must see every row. The API
-- connects as bloom_api, which owns nothing.

CREATE FUNCTION "current_tenant"() RETURNS UUID LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('app.current_tenant', true), '')::uuid
$$;

ALTER TABLE "tenants" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "clients" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "packages" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "reservations" ENABLE ROW LEVEL SECURITY;

CREATE POLICY "own_clinic" ON "tenants" FOR SELECT USING ("id" = (SELECT "current_tenant"()));
CREATE POLICY "own_clinic" ON "users" FOR ALL
  USING ("tenantId" = (SELECT "current_tenant"())) WITH CHECK ("tenantId" = (SELECT "current_tenant"()));
CREATE POLICY "own_clinic" ON "clients" FOR ALL
  USING ("tenantId" = (SELECT "current_tenant"())) WITH CHECK ("tenantId" = (SELECT "current_tenant"()));
CREATE POLICY "own_clinic" ON "packages" FOR ALL
  USING ("tenantId" = (SELECT "current_tenant"())) WITH CHECK ("tenantId" = (SELECT "current_tenant"()));
CREATE POLICY "own_clinic" ON "reservations" FOR ALL
  USING ("tenantId" = (SELECT "current_tenant"())) WITH CHECK ("tenantId" = (SELECT "current_tenant"()));

GRANT USAGE ON SCHEMA public TO "bloom_api";
GRANT SELECT ON "tenants" TO "bloom_api";
GRANT SELECT, INSERT, UPDATE, DELETE ON "users", "clients", "packages", "reservations" TO "bloom_api";

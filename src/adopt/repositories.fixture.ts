/*
 * Repositories as their tools leave them, file by file. For tests.
 */

/** Supabase: leans on its roles, auth and storage, publishes a table, and asks for extensions that only Supabase has. */
export const supabaseRepository: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "notes-app" }',
  'supabase/config.toml': '[db]\nport = 54322\nmajor_version = 17\n',
  'supabase/migrations/20260101000000_remote_schema.sql': `\\restrict Zk3
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE EXTENSION IF NOT EXISTS "pg_net" WITH SCHEMA "extensions";
CREATE EXTENSION IF NOT EXISTS "pg_stat_statements" WITH SCHEMA "extensions";
CREATE EXTENSION IF NOT EXISTS "supabase_vault" WITH SCHEMA "vault";
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA "extensions";
CREATE TABLE IF NOT EXISTS "public"."profiles" (
  "id" uuid NOT NULL PRIMARY KEY REFERENCES "auth"."users" ("id") ON DELETE CASCADE,
  "name" text NOT NULL
);
ALTER TABLE "public"."profiles" OWNER TO "postgres";
CREATE OR REPLACE FUNCTION "public"."handle_new_user"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path TO '' AS $$
BEGIN
  INSERT INTO public.profiles (id, name) VALUES (new.id, coalesce(new.raw_user_meta_data ->> 'name', ''));
  RETURN new;
END $$;
ALTER FUNCTION "public"."handle_new_user"() OWNER TO "postgres";
REVOKE EXECUTE ON FUNCTION "public"."handle_new_user"() FROM PUBLIC, "anon", "authenticated";
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
GRANT USAGE ON SCHEMA "public" TO "postgres";
GRANT USAGE ON SCHEMA "public" TO "service_role";
RESET ALL;
\\unrestrict Zk3
`,
  'supabase/migrations/20260102000000_notes.sql': `create extension if not exists pg_cron;
create table public.notes (
  id uuid primary key default extensions.uuid_generate_v4(),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  body text not null,
  created_at timestamptz not null default now()
);
alter table public.notes enable row level security;
alter table public.profiles enable row level security;
create policy "own notes" on public.notes for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy "own profile" on public.profiles for select to authenticated using ((select auth.uid()) = id);
revoke truncate, references, trigger on public.notes, public.profiles from anon, authenticated;
insert into storage.buckets (id, name, public) values ('attachments', 'attachments', false);
create policy "own files" on storage.objects for select to authenticated
  using (bucket_id = 'attachments' and (storage.foldername(name))[1] = (select auth.uid())::text);
alter publication supabase_realtime add table public.notes;
select cron.schedule('sweep', '0 3 * * *', $$delete from public.notes where created_at < now() - interval '1 year'$$);
`,
}

/** Prisma: a folder a migration, names in mixed case, an enum that grows. */
export const prismaRepository: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "booking", "scripts": { "migrate": "prisma migrate deploy" } }',
  'prisma/schema.prisma': 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n}\n',
  'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
  'prisma/migrations/20260101000000_init/migration.sql': `-- CreateEnum\r
CREATE TYPE "Status" AS ENUM ('OPEN');\r
\r
-- CreateTable\r
CREATE TABLE "Organization" ("id" TEXT NOT NULL, "name" TEXT NOT NULL, CONSTRAINT "Organization_pkey" PRIMARY KEY ("id"));\r
CREATE TABLE "Booking" (\r
  "id" TEXT NOT NULL,\r
  "organizationId" TEXT NOT NULL,\r
  "status" "Status" NOT NULL DEFAULT 'OPEN',\r
  CONSTRAINT "Booking_pkey" PRIMARY KEY ("id")\r
);\r
ALTER TABLE "Booking" ADD CONSTRAINT "Booking_organizationId_fkey" FOREIGN KEY ("organizationId")\r
  REFERENCES "Organization" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;\r
`,
  'prisma/migrations/20260102000000_closed/migration.sql': `ALTER TYPE "Status" ADD VALUE 'CLOSED';
ALTER TABLE "Booking" ALTER COLUMN "status" SET DEFAULT 'CLOSED';
`,
}

/** Drizzle in a package of a monorepo, with a file that its journal does not name. */
export const drizzleRepository: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "@acme/platform", "private": true }',
  'docker-compose.yml':
    'services:\n  postgres:\n    image: timescale/timescaledb:latest-pg17\n  worker:\n    image: acme/worker:3\n    depends_on:\n      postgres: { condition: service_healthy }\n',
  '.env.example': '# the database\nexport POSTGRES_URL="postgresql://app@localhost/app"\nSTRIPE_KEY=\n',
  'packages/db/drizzle/meta/_journal.json':
    '{ "version": "7", "dialect": "postgresql", "entries": [{ "idx": 0, "tag": "0000_first" }, { "idx": 1, "tag": "0001_second" }] }',
  'packages/db/drizzle/0000_first.sql': `CREATE TABLE "accounts" ("id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL);
--> statement-breakpoint
CREATE TABLE "entries" ("id" bigserial PRIMARY KEY NOT NULL, "account_id" uuid NOT NULL REFERENCES "accounts" ("id"));
`,
  'packages/db/drizzle/0001_second.sql': `ALTER TABLE "entries" ADD COLUMN "note" text;--> statement-breakpoint
CREATE INDEX CONCURRENTLY "entries_account" ON "entries" ("account_id");`,
  'packages/db/drizzle/0002_by_hand.sql': 'DROP TABLE "entries";\n',
}

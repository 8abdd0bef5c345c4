import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { standIns } from '../plan/database.ts'

/*
 * Likenesses of extensions that a server does not offer: what migrations name is there, and does nothing. They are extensions to Postgres, found by
 * extension_control_path (Postgres 18), so that the migrations stay as they are. They lie in the data directory, where a backup takes them along.
 */

const grantUse = (schema: string) => `
GRANT ALL ON SCHEMA ${schema} TO @extowner@ WITH GRANT OPTION;
GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO @extowner@ WITH GRANT OPTION;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA ${schema} TO @extowner@ WITH GRANT OPTION;`

const scripts: Readonly<Record<StandInName, string>> = {
  pg_cron: `
CREATE SCHEMA cron;
CREATE TABLE cron.job (
  jobid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, schedule text NOT NULL, command text NOT NULL,
  nodename text NOT NULL DEFAULT 'localhost', nodeport integer NOT NULL DEFAULT 5432, database text NOT NULL DEFAULT current_database(),
  username text NOT NULL DEFAULT current_user, active boolean NOT NULL DEFAULT true, jobname text);
CREATE TABLE cron.job_run_details (
  jobid bigint, runid bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_pid integer, database text, username text, command text,
  status text, return_message text, start_time timestamptz, end_time timestamptz);
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE sql
  AS 'INSERT INTO cron.job (jobname, schedule, command) VALUES ($1, $2, $3) RETURNING jobid';
CREATE FUNCTION cron.schedule(schedule text, command text) RETURNS bigint LANGUAGE sql
  AS 'INSERT INTO cron.job (schedule, command) VALUES ($1, $2) RETURNING jobid';
CREATE FUNCTION cron.unschedule(job_name text) RETURNS boolean LANGUAGE sql
  AS 'WITH gone AS (DELETE FROM cron.job WHERE jobname = $1 RETURNING 1) SELECT EXISTS (SELECT FROM gone)';
CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean LANGUAGE sql
  AS 'WITH gone AS (DELETE FROM cron.job WHERE jobid = $1 RETURNING 1) SELECT EXISTS (SELECT FROM gone)';
${grantUse('cron')}`,
  pg_net: `
CREATE SCHEMA net;
CREATE FUNCTION net.http_get(url text, params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}', timeout_milliseconds integer DEFAULT 5000)
  RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
CREATE FUNCTION net.http_post(url text, body jsonb DEFAULT '{}', params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}', timeout_milliseconds integer DEFAULT 5000)
  RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
CREATE FUNCTION net.http_delete(url text, params jsonb DEFAULT '{}', headers jsonb DEFAULT '{}', timeout_milliseconds integer DEFAULT 5000, body jsonb DEFAULT NULL)
  RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
${grantUse('net')}`,
  pg_graphql: grantUse('graphql'),
  pgsodium: grantUse('pgsodium'),
  supabase_vault: `
CREATE TABLE vault.secrets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text UNIQUE, description text NOT NULL DEFAULT '', secret text NOT NULL, key_id uuid, nonce bytea,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
CREATE VIEW vault.decrypted_secrets AS SELECT *, secret AS decrypted_secret FROM vault.secrets;
CREATE FUNCTION vault.create_secret(new_secret text, new_name text DEFAULT NULL, new_description text DEFAULT '', new_key_id uuid DEFAULT NULL)
  RETURNS uuid LANGUAGE sql AS 'INSERT INTO vault.secrets (secret, name, description) VALUES ($1, $2, $3) RETURNING id';
${grantUse('vault')}`,
  pgaudit: '',
  plpgsql_check: '',
  hypopg: '',
  index_advisor: '',
  pg_stat_monitor: '',
}

export type StandInName = (typeof standIns)[number]

/** Schemas that Postgres makes together with the extension, and no other will do. */
const ownSchemas: Partial<Record<StandInName, string>> = {
  pg_graphql: 'graphql',
  pgsodium: 'pgsodium',
  supabase_vault: 'vault',
}

const folder = 'aval-stand-ins'

/** Puts likenesses of extensions into a data directory. */
export async function writeStandIns(dataDirectory: string, names: readonly StandInName[]): Promise<void> {
  if (names.length === 0) return
  const place = join(dataDirectory, folder, 'extension')
  await mkdir(place, { recursive: true })
  for (const name of names) {
    const schema = ownSchemas[name]
    const fixed = scripts[name] === '' ? 'relocatable = true' : 'relocatable = false'
    await writeFile(
      join(place, `${name}.control`),
      `comment = 'an empty likeness, for proofs'\ndefault_version = '0'\ntrusted = true\n${fixed}\n${schema === undefined ? '' : `schema = '${schema}'\n`}`,
    )
    await writeFile(join(place, `${name}--0.sql`), scripts[name])
  }
}

/** The setting by which a server finds the likenesses of its data directory; none where it holds none. */
export function standInArguments(dataDirectory: string, major: number): string[] {
  const place = join(dataDirectory, folder)
  return major >= 18 && existsSync(place) ? ['-c', `extension_control_path=${place}:$system`] : []
}

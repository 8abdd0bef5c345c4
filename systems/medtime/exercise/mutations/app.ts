import type { Mutation } from 'aval'
import { preload } from './preload.ts'

const forced = (table: string, statement: string) => [
  `ALTER TABLE public.${table} NO FORCE ROW LEVEL SECURITY`,
  statement,
  `ALTER TABLE public.${table} FORCE ROW LEVEL SECURITY`,
]

/** Breaks of what apps tell of themselves, and of the server's ignorance. */
export const appMutations: Mutation[] = [
  {
    id: 'crashes-with-keys',
    breaks: 'behaviour/api/crashes-tell-nothing',
    description: 'A crash report may carry keys of its own',
    environment: preload('api', 'loose-crashes.ts'),
  },
  {
    id: 'any-event-counted',
    breaks: 'behaviour/api/usage-counted',
    description: 'Any event of use is taken',
    environment: preload('api', 'any-event.ts'),
  },
  {
    id: 'crash-with-room',
    breaks: 'integrity/database/crashes-in-time',
    description: 'A column of crash reports takes whatever an app adds',
    sql: ['ALTER TABLE public.srv_app_crashes ADD COLUMN custom_keys jsonb'],
  },
  {
    id: 'crash-of-last-year',
    breaks: 'integrity/database/crashes-in-time',
    description: 'Crash reports are never removed',
    sql: [
      'CREATE OR REPLACE FUNCTION public.srv_clean_app_crashes(p_now timestamptz) RETURNS bigint LANGUAGE sql AS $$ SELECT 0::bigint $$',
      ...forced(
        'srv_app_crashes',
        `INSERT INTO public.srv_app_crashes (id, received_at, kind, class, frames, platform, version, user_hash)
           VALUES (gen_random_uuid(), now() - interval '100 days', 'crash', 'Error', '{}', 'ios', '1.0.0', repeat('0', 32))`,
      ),
    ],
  },
  {
    id: 'dose-in-clear',
    breaks: 'behaviour/api/knows-no-medication',
    description: 'An entity may say in clear what dose it is of',
    environment: preload('api', 'dose-in-clear.ts'),
  },
  {
    id: 'adherence-computed',
    breaks: 'integrity/database/knows-no-medication',
    description: 'A function computes who takes what they should',
    sql: [
      `CREATE FUNCTION public.mutant_share(p_user uuid) RETURNS numeric LANGUAGE sql AS
         $$ SELECT count(*)::numeric / 30 AS adherence FROM public.srv_encrypted_entities WHERE user_id = p_user $$`,
    ],
  },
  {
    id: 'dose-column',
    breaks: 'integrity/database/knows-no-medication',
    description: 'An entity has a column for its dose',
    sql: ['ALTER TABLE public.srv_encrypted_entities ADD COLUMN dose_mg numeric'],
  },
]

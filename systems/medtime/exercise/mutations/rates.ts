import type { Mutation } from 'aval'
import { preload } from './preload.ts'

const requests = [
  'sync_push',
  'sync_pull',
  'catalog',
  'ocr',
  'user_total',
  'address_unauthenticated',
  'address_authenticated',
] as const

/** Breaks of what is counted over time and by person. */
export const ratesMutations: Mutation[] = [
  ...requests.map((limit) => ({
    id: `twice-${limit.replaceAll('_', '-')}`,
    breaks: `limits/${limit}/exact`,
    description: 'Twice as many requests pass as were promised',
    environment: { api: { LIMITS_TIMES: '2' } },
  })),
  {
    id: 'sign-ins-uncounted',
    breaks: 'limits/auth_endpoints/exact',
    description: 'No address is counted where people sign in',
    environment: { accounts: { LIMITS_EXEMPT: '0.0.0.0/0,::/0' } },
  },
  {
    id: 'a-sixth-guess',
    breaks: 'limits/failed_logins/exact',
    description: 'Six sign-ins may fail before a challenge comes',
    environment: preload('accounts', 'sixth-guess.ts'),
  },
  {
    id: 'one-session-more',
    breaks: 'limits/sessions/exact',
    description: 'A session that has to give way to another goes on all the same',
    sql: [
      `CREATE FUNCTION public.mutant_one_more() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $mutant$
        BEGIN
          IF new.ended_because = 'replaced' THEN RETURN NULL; END IF;
          RETURN new;
        END $mutant$`,
      `CREATE TRIGGER mutant_one_more BEFORE UPDATE ON public.srv_sessions
        FOR EACH ROW EXECUTE FUNCTION public.mutant_one_more()`,
    ],
  },
]

import type { Mutation } from 'aval'
import { preload } from './preload.ts'

/** Breaks of what guards the service, and of what a person may ask of it. */
export const limitsAndRightsMutations: Mutation[] = [
  {
    id: 'limits-doubled',
    breaks: 'behaviour/api/limits-exact',
    description: 'Twice as many requests pass as were promised',
    environment: { api: { LIMITS_TIMES: '2' } },
  },
  {
    id: 'nobody-counted',
    breaks: 'behaviour/api/limits-in-order',
    description: 'No address is counted: tokens may be tried for ever',
    environment: { api: { LIMITS_EXEMPT: '0.0.0.0/0,::/0' } },
  },
  {
    id: 'bare-answers',
    breaks: 'behaviour/api/security-headers',
    description: 'Answers go out without the headers that keep a browser from making something of them',
    environment: preload('api', 'bare-answers.ts'),
  },
  {
    id: 'withdrawal-forgotten',
    breaks: 'behaviour/api/consent-recorded',
    description: 'That a consent was withdrawn is not written down',
    sql: [
      `CREATE FUNCTION public.mutant_forget() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $forget$
        BEGIN
          new.withdrawn_at := NULL;
          RETURN new;
        END $forget$`,
      `CREATE TRIGGER mutant_forget BEFORE UPDATE ON public.srv_consents
        FOR EACH ROW EXECUTE FUNCTION public.mutant_forget()`,
    ],
  },
  {
    id: 'table-not-exported',
    breaks: 'behaviour/api/export-complete',
    description: 'The entities are left out of an export',
    sql: ['DROP POLICY owner_exports ON public.srv_encrypted_entities'],
  },
  {
    id: 'any-sign-in-is-recent',
    breaks: 'behaviour/api/recent-sign-in',
    description:
      'An account is erased and exported by a token whose person signed in long ago, as by one that was stolen',
    environment: preload('api', 'any-sign-in-is-recent.ts'),
  },
  {
    id: 'log-cut-off',
    breaks: 'integrity/database/audit-whole',
    description: 'The end of the log of accounts, which was anchored, is gone, and its head says that it never was',
    sql: [
      'ALTER TABLE public.srv_audit_anchors NO FORCE ROW LEVEL SECURITY',
      `INSERT INTO public.srv_audit_anchors (sequence, hash, made_at, signature)
        SELECT h.sequence + 1000000, sha256('cut off'), now(), sha256('signed') FROM public.srv_audit_end() AS h`,
      'ALTER TABLE public.srv_audit_anchors FORCE ROW LEVEL SECURITY',
    ],
  },
  {
    id: 'erased-in-name-only',
    breaks: 'behaviour/api/erasure-complete',
    description: 'An account is reported as erased, and every row of it stays',
    sql: ['DROP POLICY owner_erases ON public.srv_users'],
  },
]

import type { Mutation } from 'aval'

/** A trigger that changes what the accounts service writes, or keeps it from being written. */
function trigger(name: string, on: string, body: string): string[] {
  return [
    `CREATE FUNCTION public.${name}() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $mutant$
      BEGIN
        ${body}
        RETURN new;
      END $mutant$`,
    `CREATE TRIGGER ${name} BEFORE ${on} FOR EACH ROW EXECUTE FUNCTION public.${name}()`,
  ]
}

/** Breaks of accounts. */
export const accountsMutations: Mutation[] = [
  {
    id: 'old-refresh-tokens-live',
    breaks: 'behaviour/accounts/tokens-rotate',
    description: 'A refresh token is never marked as used, so that a stolen one works beside its successor',
    sql: trigger('mutant_unused', 'UPDATE ON public.srv_refresh_tokens', 'new.used_at := NULL;'),
  },
  {
    id: 'sessions-without-end',
    breaks: 'behaviour/accounts/sessions-by-tier',
    description: 'A session that has to give way to another goes on all the same',
    sql: trigger(
      'mutant_endless',
      'UPDATE ON public.srv_sessions',
      `IF new.ended_because = 'replaced' THEN RETURN NULL; END IF;`,
    ),
  },
  {
    id: 'unknown-accounts-fail',
    breaks: 'behaviour/accounts/unknown-accounts',
    description: 'Only for an account that exists is a sign-in remembered',
    sql: trigger(
      'mutant_known',
      'INSERT ON public.srv_sign_in_attempts',
      `IF NOT EXISTS (SELECT FROM public.srv_account_handles AS h WHERE h.hash = new.handle) THEN
          RAISE EXCEPTION 'nobody';
        END IF;`,
    ),
  },
  {
    id: 'tiers-forgotten',
    breaks: 'behaviour/accounts/second-factor',
    description: 'Everybody is taken for free, so that nobody must have a second factor',
    sql: trigger('mutant_free', 'INSERT OR UPDATE ON public.srv_accounts', `new.tier := 'free';`),
  },
]

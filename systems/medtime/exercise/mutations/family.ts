import type { Mutation } from 'aval'
import { rewriteFunction } from './rewrite.ts'

const standing = "l.status = 'active'"

/** Row security of the entities, with another idea of which links let somebody read. */
const accessBy = (condition: string, types = 'SELECT unnest(l.entity_types)') =>
  `ALTER POLICY family_access ON public.srv_encrypted_entities USING (
    EXISTS (SELECT FROM public.srv_family_links AS l
      WHERE l.supervised_user_id = user_id AND l.supervisor_id = (SELECT auth.uid()) AND ${condition}
        AND entity_type IN (${types})))`

/** Breaks of links between people. */
export const familyMutations: Mutation[] = [
  {
    id: 'invite-accepted-twice',
    breaks: 'behaviour/api/family-consent',
    description: 'An invite that was accepted is open again',
    sql: [
      'ALTER TABLE public.srv_family_invites NO FORCE ROW LEVEL SECURITY',
      'ALTER TABLE public.srv_family_invites DISABLE ROW LEVEL SECURITY',
      `CREATE FUNCTION public.mutant_reopen() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $reopen$
        BEGIN
          UPDATE public.srv_family_invites SET accepted_by = NULL WHERE invite_id = old.invite_id;
          RETURN NULL;
        END $reopen$`,
      `CREATE TRIGGER mutant_reopen BEFORE DELETE ON public.srv_family_invites
        FOR EACH ROW EXECUTE FUNCTION public.mutant_reopen()`,
    ],
  },
  {
    id: 'pending-reads',
    breaks: 'behaviour/api/family-consent',
    description: 'Who accepted an invite reads before the other side has confirmed',
    sql: [
      rewriteFunction('srv_family_pull', [{ part: standing, by: "l.status <> 'revoked'" }]),
      accessBy("l.status <> 'revoked'"),
    ],
  },
  {
    id: 'revoked-reads-on',
    breaks: 'behaviour/api/family-ends',
    description: 'The policy lets a link that was revoked go on reading',
    sql: [
      rewriteFunction('srv_family_pull', [{ part: standing, by: "l.status <> 'pending'" }]),
      accessBy("l.status <> 'pending'"),
    ],
  },
  {
    id: 'everything-shared',
    breaks: 'behaviour/api/family-scope',
    description: 'A link lets a supervisor read everything, whatever it names',
    sql: [
      rewriteFunction('srv_family_pull', [{ part: 'e.entity_type = ANY (types)', by: 'true' }]),
      accessBy(standing, 'entity_type'),
    ],
  },
]

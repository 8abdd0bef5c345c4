import type { Mutation } from 'aval'
import { rewriteFunction } from './rewrite.ts'

const walked = 'WHERE e.user_id = p_user AND e.sequence > given'

/** Breaks of `srv_text_page` and `srv_status`. */
export const syncPullMutations: Mutation[] = [
  {
    id: 'cursor-skips',
    breaks: 'behaviour/api/pull-complete',
    description: 'Every fifth change of a user is passed over by the cursor',
    sql: [rewriteFunction('srv_text_page', [{ part: walked, by: `${walked} AND e.sequence % 5 <> 0` }])],
  },
  {
    id: 'never-more',
    breaks: 'behaviour/api/pull-pages',
    description: 'A page never says that another follows',
    sql: [rewriteFunction('srv_text_page', [{ part: 'more := coalesce(number, upto) < newest', by: 'more := false' }])],
  },
  {
    id: 'tombstones-hidden',
    breaks: 'behaviour/api/tombstones',
    description: 'What was deleted is left out of pulls, so that other devices keep it for ever',
    sql: [rewriteFunction('srv_text_page', [{ part: walked, by: `${walked} AND e.deleted_at IS NULL` }])],
  },
  {
    id: 'no-overlap',
    breaks: 'behaviour/api/since-overlap',
    description: 'A pull since a moment begins exactly there, and misses what was written with a clock that lagged',
    sql: [
      rewriteFunction('srv_text_page', [
        { part: 'e.updated_at >= p_since', by: `e.updated_at >= p_since + interval '2 minutes'` },
      ]),
    ],
  },
  {
    id: 'rows-of-everybody',
    breaks: 'behaviour/api/own-rows-only',
    description: 'A pull forgets whose rows it reads, and row security is off',
    sql: [
      rewriteFunction('srv_text_page', [{ part: walked, by: 'WHERE e.sequence > given' }]),
      'ALTER TABLE public.srv_encrypted_entities NO FORCE ROW LEVEL SECURITY',
      'ALTER TABLE public.srv_encrypted_entities DISABLE ROW LEVEL SECURITY',
    ],
  },
  {
    id: 'devices-stand-still',
    breaks: 'behaviour/api/sync-status',
    description: 'How far a device is stays what it was when the device was first seen, at nothing',
    sql: [
      `CREATE FUNCTION public.mutant_still() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $still$
        BEGIN
          new.sync_version := 0;
          new.written := 0;
          RETURN new;
        END $still$`,
      `CREATE TRIGGER mutant_still BEFORE INSERT OR UPDATE ON public.srv_sync_status
        FOR EACH ROW EXECUTE FUNCTION public.mutant_still()`,
    ],
  },
]

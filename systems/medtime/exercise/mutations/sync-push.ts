import type { Mutation } from 'aval'
import { rewriteFunction } from './rewrite.ts'

/** Breaks of `srv_write`. */
export const syncPushMutations: Mutation[] = [
  {
    id: 'acknowledged-writes-dropped',
    breaks: 'recovery/database/loss',
    description: 'One acknowledged new entity in eight is silently never stored',
    sql: [
      `CREATE FUNCTION public.mutant_drop() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $drop$
        BEGIN
          IF pg_catalog.hashtext(new.id::text) % 8 = 0 THEN RETURN NULL; END IF;
          RETURN new;
        END $drop$`,
      `CREATE TRIGGER mutant_drop BEFORE INSERT ON public.srv_encrypted_entities
        FOR EACH ROW EXECUTE FUNCTION public.mutant_drop()`,
    ],
  },
  {
    id: 'push-half-written',
    breaks: 'behaviour/api/push-atomic',
    description: 'A push with a conflict is refused, but its new entities are written all the same',
    sql: [
      rewriteFunction('srv_write', [
        { part: 'IF p_check OR conflict_ids IS NOT NULL OR written = 0 THEN', by: 'IF p_check OR written = 0 THEN' },
        { part: 'WHERE n.stored IS NOT NULL AND', by: 'WHERE conflict_ids IS NULL AND n.stored IS NOT NULL AND' },
      ]),
    ],
  },
  {
    id: 'conflicts-ignored',
    breaks: 'behaviour/api/push-conflicts',
    description: 'The last writer wins: no push is ever a conflict',
    sql: [
      rewriteFunction('srv_write', [
        { part: 'NOT k.replayed AND coalesce(k.stored, 0) <> k.base AS conflict', by: 'false AS conflict' },
      ]),
    ],
  },
  {
    id: 'only-first-conflict-listed',
    breaks: 'behaviour/api/push-conflicts',
    description: 'A push is refused at its first conflict and does not tell of the others',
    sql: [
      rewriteFunction('srv_write', [
        {
          part: 'IF p_check OR conflict_ids IS NOT NULL OR written = 0 THEN',
          by: `IF conflict_ids IS NOT NULL THEN
    conflict_ids := conflict_ids[1:1];
    conflict_versions := conflict_versions[1:1];
    conflict_checksums := conflict_checksums[1:1];
  END IF;
  IF p_check OR conflict_ids IS NOT NULL OR written = 0 THEN`,
        },
      ]),
    ],
  },
  {
    id: 'replay-written-again',
    breaks: 'behaviour/api/push-replay',
    description: 'A repeated push is written again under new numbers, so that every device fetches it again',
    sql: [
      rewriteFunction('srv_write', [
        { part: 'array_agg(c.replayed ORDER BY c.place)', by: 'array_agg(false ORDER BY c.place)' },
        { part: 'count(*) FILTER (WHERE c.replayed)', by: '0' },
      ]),
    ],
  },
  {
    id: 'quota-a-byte-late',
    breaks: 'behaviour/api/quota-exact',
    description: 'A user may hold one byte more than the tier allows',
    sql: [
      rewriteFunction('srv_write', [
        { part: 'stored_bytes + growth <= p_quota', by: 'stored_bytes + growth <= p_quota + 1' },
        { part: 'stored_bytes + growth > p_quota', by: 'stored_bytes + growth > p_quota + 1' },
      ]),
    ],
  },
  {
    id: 'deletions-free-nothing',
    breaks: 'behaviour/api/quota-exact',
    description: 'What is written over or deleted goes on counting',
    sql: [rewriteFunction('srv_write', [{ part: 'c.size - coalesce(c.stored_size, 0)', by: 'c.size' }])],
  },
  {
    id: 'blob-limit-short',
    breaks: 'behaviour/api/blob-validation',
    description: 'The limit of a blob is one byte short: the last allowed size is refused',
    sql: [
      'ALTER TABLE public.srv_encrypted_entities DROP CONSTRAINT blob_size_limit',
      `ALTER TABLE public.srv_encrypted_entities
        ADD CONSTRAINT blob_size_limit CHECK (blob_size BETWEEN 1 AND 1048575)`,
    ],
  },
]

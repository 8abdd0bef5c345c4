import { z } from 'zod'
import type { Run } from '../database.ts'

const row = z.tuple([z.object({ key: z.instanceof(Buffer) })])

/** What names of buckets are hashed with: the same for every instance, read once. */
export function limitKey(run: Run): () => Promise<Uint8Array> {
  let kept: Promise<Uint8Array> | undefined
  return () => {
    kept ??= run('limit-key', 'SELECT key FROM public.srv_limit_key', []).then(
      (rows) => row.parse(rows)[0].key,
      (thrown: unknown) => {
        kept = undefined
        throw thrown
      },
    )
    return kept
  }
}

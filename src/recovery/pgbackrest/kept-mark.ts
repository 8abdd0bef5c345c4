import { z } from 'zod'
import { once, type Repository, readJson } from '../repository/repository.ts'

/*
 * The newest heartbeat that lies in archived WAL. pgBackRest knows which segments there are, but not which moments they hold; without
 * a commit after the moment asked for Postgres ends a recovery with an error.
 */

const schema = z.strictObject({
  /** Milliseconds since the epoch, by the server's clock. */
  at: z.number(),
  /** Segment the heartbeat was committed in. */
  segment: z.string().regex(/^[0-9A-F]{24}$/),
  walSegmentBytes: z.int().positive(),
})

export type KeptMark = z.infer<typeof schema>

export const keptMarkKey = 'pgbackrest/mark'

export async function readKeptMark(repository: Repository): Promise<KeptMark | undefined> {
  return (await repository.store.stat(keptMarkKey)) && readJson(repository, keptMarkKey, schema)
}

export async function writeKeptMark(repository: Repository, mark: KeptMark): Promise<void> {
  await repository.put(keptMarkKey, once(Buffer.from(JSON.stringify(mark))), { replace: true })
}

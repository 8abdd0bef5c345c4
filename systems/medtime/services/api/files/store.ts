import { z } from 'zod'
import type { Database } from '../database.ts'
import type { Received } from './receive.ts'

/** Bytes of one piece: small enough to be in memory many times, large enough for few round trips. */
export const chunkBytes = 262_144

export type PutOutcome = 'stored' | 'kept' | 'taken' | 'full'

export interface FilesStore {
  put(request: { user: string; now: Date; id: string; file: Received; quota: number }): Promise<{
    outcome: PutOutcome
    held: number
  }>
  /** One piece, the first is 0; undefined when there is no such piece or file of this user. */
  piece(user: string, id: string, place: number): Promise<{ size: number; checksum: string; bytes: Buffer } | undefined>
  /** @returns bytes the user holds then */
  remove(user: string, id: string): Promise<number>
}

const bigint = z.coerce.number().int()
const putRow = z.tuple([z.object({ outcome: z.enum(['stored', 'kept', 'taken', 'full']), held: bigint })])
const pieceRow = z.array(z.object({ size: z.int(), checksum: z.string(), bytes: z.instanceof(Buffer) })).max(1)
const heldRow = z.tuple([z.object({ held: bigint })])

export function createFilesStore({ run }: Pick<Database, 'run'>): FilesStore {
  return {
    put: async ({ user, now, id, file, quota }) => {
      const values = [user, now, id, file.checksum, file.bytes, chunkBytes, quota]
      const rows = await run('put-file', 'SELECT * FROM public.srv_put_file($1,$2,$3,$4,$5,$6,$7)', values)
      return putRow.parse(rows)[0]
    },
    piece: async (user, id, place) => {
      const rows = await run('get-file', 'SELECT * FROM public.srv_get_file($1,$2,$3)', [user, id, place])
      return pieceRow.parse(rows)[0]
    },
    remove: async (user, id) => {
      const rows = await run('drop-file', 'SELECT public.srv_drop_file($1,$2) AS held', [user, id])
      return heldRow.parse(rows)[0].held
    },
  }
}

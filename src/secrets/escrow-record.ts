import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { failure } from '../errors.ts'
import { writeKeyFile } from './key-file.ts'

/*
 * Which escrow copies were made, so that a copy that lacks the present key is noticed before it is needed. Nothing in it is secret.
 */

const copySchema = z.strictObject({
  file: z.string(),
  madeAt: z.iso.datetime(),
  /** Ids of the keys it holds, the newest first. */
  keys: z.array(z.string()).min(1),
  recipients: z.array(z.string()).min(1),
  /** When a restore with it alone last succeeded. */
  rehearsedAt: z.iso.datetime().nullable(),
})

const recordSchema = z.strictObject({ format: z.literal(1), copies: z.array(copySchema) })

export type EscrowCopy = z.infer<typeof copySchema>

/** Of a key file, the record of its copies. */
export function escrowRecordFile(keyFile: string): string {
  return `${keyFile.replace(/\.key$/, '')}.escrow.json`
}

/** Every copy that was made, oldest first. @throws KEY_ESCROW_RECORD */
export async function readEscrowRecord(file: string): Promise<EscrowCopy[]> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(file, 'utf8'))).copies
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw failure('KEY_ESCROW_RECORD', { file }, { cause })
  }
}

/** Enters a copy in the place of an older one of the same file. */
export async function recordEscrow(file: string, copy: EscrowCopy): Promise<void> {
  const others = (await readEscrowRecord(file)).filter((each) => each.file !== copy.file)
  const record: z.infer<typeof recordSchema> = { format: 1, copies: [...others, copy] }
  await writeKeyFile(file, `${JSON.stringify(record, null, 2)}\n`)
}

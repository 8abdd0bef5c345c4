import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { failure } from '../../errors.ts'
import { isErrno, syncDirectory } from '../durable.ts'

/*
 * Which of two data directories is the primary. One file, replaced whole: a change of roles has happened when the file says
 * so, and a promotion that was begun stands in it until it is done, so that whoever comes next takes it up.
 */

const lossSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('none'),
    /** Every acknowledged commit waited for the standby; or the standby had received all the primary wrote. */
    because: z.enum(['synchronous', 'received']),
  }),
  z.strictObject({
    kind: z.literal('measured'),
    /** Read from the disk of the old primary: what it wrote and the standby never received. */
    from: z.string(),
    to: z.string(),
    bytes: z.int(),
    /** Transactions that committed there and wrote something. */
    commits: z.int(),
    /** Times of the first and the last of them, by the clock of the old primary. */
    firstAt: z.number().nullable(),
    lastAt: z.number().nullable(),
  }),
  z.strictObject({
    kind: z.literal('unknown'),
    /** The last commit the standby has; null when it has seen none since it started. */
    after: z.number().nullable(),
  }),
])

/** What a promotion gives up of acknowledged writes. */
export type Loss = z.infer<typeof lossSchema>

const pairSchema = z.strictObject({
  format: z.literal(1),
  /** 1 when the standby was made; one more with each promotion. */
  generation: z.int().positive(),
  /** Data directories. */
  primary: z.string(),
  standby: z.string(),
  /** `making`: its files are not whole. `following`: it may be promoted. `fenced`: an old primary that must rejoin. */
  state: z.enum(['making', 'following', 'fenced']),
  synchronous: z.boolean(),
  /** Begun and not done: it is carried on, never dropped, since the old primary may be fenced already. */
  promotion: z.strictObject({ loss: lossSchema, forced: z.boolean(), at: z.number() }).optional(),
})

export type Pair = z.infer<typeof pairSchema>

/** @returns undefined when there is no standby. @throws STANDBY_STATE_UNREADABLE */
export async function readPair(file: string): Promise<Pair | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    return pairSchema.parse(JSON.parse(text))
  } catch {
    throw failure('STANDBY_STATE_UNREADABLE', { file })
  }
}

export async function writePair(file: string, pair: Pair): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o711 })
  const draft = `${file}.new`
  const handle = await open(draft, 'w', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(pairSchema.parse(pair), null, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
  await syncDirectory(dirname(file))
}

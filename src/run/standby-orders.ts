import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { AvalError, failure, messageOf } from '../errors.ts'
import { isErrno } from '../recovery/durable.ts'
import { pairFile } from './pair-file.ts'

/*
 * How a command asks the `up` that owns an environment to do something with its standby: an order is a file, the answer
 * another. Only whoever may write the environment's folder can give one. An order that nobody lives to answer is dropped by
 * the next `up`; what it had begun is in the pair file.
 */

const orderSchema = z.strictObject({
  id: z.uuid(),
  action: z.enum(['create', 'status', 'promote', 'rejoin']),
  synchronous: z.boolean().optional(),
  force: z.boolean().optional(),
  planned: z.boolean().optional(),
  delta: z.boolean().optional(),
})

export type StandbyOrder = z.infer<typeof orderSchema>

const answerSchema = z.discriminatedUnion('done', [
  z.object({ done: z.literal(true), result: z.record(z.string(), z.json()) }),
  z.object({ done: z.literal(false), problem: z.string(), next: z.string() }),
])

export type StandbyResult = Readonly<Record<string, z.infer<ReturnType<typeof z.json>>>>

const orderFile = (directory: string, id: string) => join(dirname(pairFile(directory)), `order-${id}.json`)
const answerFile = (directory: string, id: string) => join(dirname(pairFile(directory)), `answer-${id}.json`)
const orderName = /^order-([0-9a-f-]{36})\.json$/

/**
 * Gives an order and waits for its answer, as long as `alive` says that somebody can give one.
 * @throws STANDBY_REFUSED with what the other process says, STANDBY_UP_GONE
 */
export async function giveOrder(
  directory: string,
  order: Omit<StandbyOrder, 'id'>,
  { clock, alive, signal }: { clock: Clock; alive(): boolean; signal: AbortSignal },
): Promise<StandbyResult> {
  const id = randomUUID()
  await writeWhole(orderFile(directory, id), { id, ...order })
  try {
    for (;;) {
      const answer = await readWhole(answerFile(directory, id))
      if (answer !== undefined) {
        const parsed = answerSchema.parse(answer)
        if (parsed.done) return parsed.result
        throw failure('STANDBY_REFUSED', { problem: parsed.problem, next: parsed.next })
      }
      if (!alive()) throw failure('STANDBY_UP_GONE', {})
      await clock.sleep(100, signal)
    }
  } finally {
    await rm(orderFile(directory, id), { force: true })
    await rm(answerFile(directory, id), { force: true })
  }
}

/** Carries out orders, one after another, until the signal. Orders from before it began are dropped. */
export async function serveOrders(
  directory: string,
  carryOut: (order: StandbyOrder) => Promise<StandbyResult>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  for (const name of await names(directory)) {
    if (/^(order|answer)-/.test(name)) await rm(join(dirname(pairFile(directory)), name), { force: true })
  }
  while (!signal.aborted) {
    for (const name of await names(directory)) {
      const id = orderName.exec(name)?.[1]
      if (id === undefined) continue
      const file = orderFile(directory, id)
      const order = orderSchema.safeParse(await readWhole(file))
      await rm(file, { force: true })
      if (order.success) await writeWhole(answerFile(directory, id), await answerTo(() => carryOut(order.data)))
    }
    await clock.sleep(250, signal).catch(() => undefined)
  }
}

async function answerTo(work: () => Promise<StandbyResult>): Promise<z.infer<typeof answerSchema>> {
  try {
    return { done: true, result: { ...(await work()) } }
  } catch (error) {
    const next = error instanceof AvalError ? error.next : 'Look at the output of `aval up`.'
    return { done: false, problem: messageOf(error), next }
  }
}

async function names(directory: string): Promise<string[]> {
  return readdir(dirname(pairFile(directory))).catch(() => [])
}

async function writeWhole(file: string, content: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o711 })
  const draft = `${file}.new`
  await writeFile(draft, JSON.stringify(content), { mode: 0o600 })
  await rename(draft, file)
}

async function readWhole(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined
    throw error
  }
}

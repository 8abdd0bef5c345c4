import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Run } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import { kinds, type Message, message } from './message.ts'
import { type Content, contentPlace } from './sealed-content.ts'
import type { Vault } from './vault.ts'

/**
 * What became of a message: written; already there for the same event; or nobody is there to get it. Callers treat all three alike towards a
 * client, for whom the difference would tell who has an account.
 */
export type Enqueued = 'enqueued' | 'known' | 'nobody'

/**
 * Puts a message into the outbox within the transaction of the event it tells of, so that both are there or neither.
 * @param run of that transaction
 * @throws ApiError UNAVAILABLE without a key for messages, INTERNAL for a message of another shape: a fault of ours, and its text
 *   does not tell what was in it
 */
export type Enqueue = (run: Run, message: Message) => Promise<Enqueued>

const outcome = z.tuple([z.object({ outcome: z.enum(['enqueued', 'known', 'nobody']) })])

/** @param vault undefined when no key is configured. @param now milliseconds since the epoch */
export function createEnqueue({ vault, now }: { vault: Vault | undefined; now: () => number }): Enqueue {
  return async (run, given) => {
    if (vault === undefined) throw new ApiError('UNAVAILABLE')
    const result = message.safeParse(given)
    if (!result.success) throw new ApiError('INTERNAL')
    const { type, event, to, fields } = result.data
    const id = randomUUID()
    const content: Content = 'phone' in to ? { fields, phone: to.phone } : { fields }
    const at = now()
    const rows = await run(
      'enqueue-message',
      'SELECT public.srv_enqueue_message($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) AS outcome',
      [
        id,
        to.user,
        type,
        event,
        'device' in to ? 'device' : 'topic' in to ? 'topic' : 'user',
        'device' in to ? to.device : 'topic' in to ? to.topic : '',
        'language' in to ? to.language : null,
        vault.seal(JSON.stringify(content), contentPlace(id)),
        new Date(at),
        new Date(at + kinds[type].lifetimeMs),
      ],
    )
    return outcome.parse(rows)[0].outcome
  }
}

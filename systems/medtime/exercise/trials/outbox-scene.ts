import { randomBytes, randomInt } from 'node:crypto'
import { type Database, openDatabase } from '../../services/api/database.ts'
import { createEnqueue } from '../../services/api/messages/enqueue.ts'
import type { Message } from '../../services/api/messages/message.ts'
import { phoneNumber } from '../../services/api/messages/phone-number.ts'
import { tokenPlace } from '../../services/api/messages/sealed-content.ts'
import { createMessagesStore } from '../../services/api/messages/store.ts'
import { linkOrigin } from '../../services/api/messages/templates.ts'
import { createVault } from '../../services/api/messages/vault.ts'
import { deliverNext } from '../../services/messenger/deliver.ts'
import { openOutbox } from '../../services/messenger/outbox.ts'
import type { Outcome } from '../../services/messenger/outcome.ts'
import { openRecipients } from '../../services/messenger/recipients.ts'
import type { TrialTools } from './trial-tools.ts'

/*
 * The outbox of the running system, written as the API writes it and delivered as the messenger delivers it, each as its own role of the
 * database. The clock stands weeks ahead, where the messenger that runs finds nothing due, and goes on only when a trial moves it.
 */

const aheadMs = 30 * 86_400_000

export interface OutboxScene {
  clock: { now: number }
  /** A device of a user, registered for push. */
  device(user: string): Promise<string>
  /** Writes messages into the outbox, and names their events. */
  enqueue(messages: readonly MessageWithoutEvent[]): Promise<string[]>
  /** Does with all that is due now what the messenger would do, and tells how many of these events stand how. */
  deliver(events: readonly string[]): Promise<Record<string, number>>
}

type WithoutEvent<M> = M extends unknown ? Omit<M, 'event'> : never
export type MessageWithoutEvent = WithoutEvent<Message>

const fictionalNumbers = 10_000
let numbersGiven = randomInt(fictionalNumbers)

/** A number of the range kept free for fiction, and another one each time: two people with one number share its limits. */
export function fictionalNumber(): string {
  numbersGiven = (numbersGiven + 1) % fictionalNumbers
  return `+1202555${String(numbersGiven).padStart(4, '0')}`
}

/** @param answer what the provider says to each message; that it has it, unless told */
export async function withOutbox<T>(
  { databaseUrl, newId, now }: TrialTools,
  work: (scene: OutboxScene) => Promise<T>,
  answer: () => Outcome = () => ({ kind: 'accepted', providerId: newId() }),
): Promise<T> {
  const open = (role: string): Database =>
    openDatabase({
      url: databaseUrl(role),
      poolSize: 2,
      onStatement: () => undefined,
      onLostConnection: () => undefined,
    })
  const [api, messenger] = [open('medtime_api'), open('medtime_messenger')]
  const vault = createVault({ keys: [randomBytes(32)], names: undefined })
  const clock = { now: now() + aheadMs }
  const present = () => clock.now
  const enqueue = createEnqueue({ vault, now: present })
  const store = createMessagesStore(api)
  const provider = async (): Promise<Outcome> => answer()
  const silent = () => undefined
  const made: { user: string; id: string }[] = []
  const parts = {
    outbox: openOutbox(messenger),
    recipients: openRecipients(messenger.run, vault),
    vault,
    push: provider,
    sms: provider,
    numbers: [phoneNumber.parse(fictionalNumber())],
    linkOrigin: linkOrigin.parse('https://medtime.app/m'),
    now: present,
    random: () => 0.5,
    log: { sent: silent, putOff: silent, doubtful: silent, ended: silent, receipt: silent },
  }
  try {
    return await work({
      clock,
      device: async (user) => {
        const id = `device-${newId()}`
        made.push({ user, id })
        const token = `${newId()}:${newId()}`
        const sealed = vault.seal(token, tokenPlace(user, id))
        const hash = vault.hash(token)
        await store.putDevice(user, { id, platform: 'android', language: 'es', sealed, hash, now: new Date(clock.now) })
        return id
      },
      enqueue: async (messages) => {
        const events: string[] = []
        for (const message of messages) {
          const event = `trial:${newId()}`
          await api.transaction(message.to.user, (run) => enqueue(run, { ...message, event }))
          events.push(event)
        }
        return events
      },
      deliver: async (events) => {
        while (await deliverNext(parts));
        const rows = await messenger.run<{ state: string; count: number }>(
          'trial-states',
          'SELECT state, count(*)::int AS count FROM public.srv_messages WHERE event = ANY($1) GROUP BY state ORDER BY state',
          [[...events]],
        )
        return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
      },
    })
  } finally {
    // Their tokens are sealed with a key that nobody else has: whoever seals everything anew would stumble over them.
    for (const { user, id } of made) await store.deleteDevice(user, id)
    await Promise.all([api.close(), messenger.close()])
  }
}

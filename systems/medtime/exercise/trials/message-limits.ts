import type { Trial } from 'aval'
import { linkId } from '../../services/api/messages/message.ts'
import { phoneNumber } from '../../services/api/messages/phone-number.ts'
import type { Outcome } from '../../services/messenger/outcome.ts'
import { fictionalNumber, type MessageWithoutEvent, type OutboxScene, withOutbox } from './outbox-scene.ts'
import { differences, type TrialTools } from './trial-tools.ts'

const second = 1_000
const hour = 3_600 * second
const day = 24 * hour

type Made = (tools: TrialTools) => Trial

/** A trial of a limit on messages. */
const limited = (
  limit: string,
  title: string,
  work: (scene: OutboxScene, tools: TrialTools) => Promise<string[]>,
): Made => {
  return (tools) => ({
    id: `limits-${limit}/outbox`,
    promise: `limits/${limit}`,
    title,
    run: () => withOutbox(tools, (scene) => work(scene, tools)),
  })
}

const times = (count: number, message: MessageWithoutEvent): MessageWithoutEvent[] =>
  Array.from({ length: count }, () => message)

/**
 * As many as allowed go at one moment, one more does not, and another one's goes; a moment before the window is over none goes, and then one.
 */
async function withinWindow(
  { clock, enqueue, deliver }: OutboxScene,
  given: { most: number; windowMs: number; message: MessageWithoutEvent; elsewhere: MessageWithoutEvent },
): Promise<string[]> {
  const { most, windowMs, message, elsewhere } = given
  const ask = async (messages: readonly MessageWithoutEvent[]) => deliver(await enqueue(messages))
  const first = await ask(times(most, message))
  const more = await ask([message])
  const other = await ask([elsewhere])
  clock.now += windowMs - 1
  const before = await ask([message])
  clock.now += 1
  const after = await ask([message])
  return differences(
    [`${most} at once`, first, { accepted: most }],
    ['one more', more, { limited: 1 }],
    ['one to somebody else', other, { accepted: 1 }],
    ['one when the window is not over yet', before, { limited: 1 }],
    ['one when it is', after, { accepted: 1 }],
  )
}

const link = (tools: TrialTools) => ({ link: linkId.parse(tools.newId()) })

function pushTo(tools: TrialTools, to: { user: string; device: string } | { user: string; topic: string }) {
  return {
    type: 'alert_backup',
    to: 'topic' in to ? { ...to, language: 'es' } : to,
    fields: link(tools),
  } as const satisfies MessageWithoutEvent
}

/** Somebody who gets reminders by SMS, at a number of their own. */
function reminder(tools: TrialTools): MessageWithoutEvent {
  const to = { user: tools.newId(), phone: phoneNumber.parse(fictionalNumber()), language: 'es' } as const
  return { type: 'caregiver_reminder', to, fields: link(tools) }
}

/** Ten reminders to each of these, a minute apart: as many as one user may get in a day, and as soon. */
async function tenEach({ clock, enqueue, deliver }: OutboxScene, to: readonly MessageWithoutEvent[]) {
  const events: string[] = []
  for (let round = 0; round < 10; round++) {
    events.push(...(await enqueue(to)))
    await deliver(events)
    clock.now += 60 * second
  }
  return deliver(events)
}

/** What follows when a day's messages are spent: none more, but to whom or from which it is not spent, until a day after the first. */
async function untilNextDay(
  { clock, enqueue, deliver }: OutboxScene,
  startedAt: number,
  message: MessageWithoutEvent,
): Promise<readonly [string, unknown, unknown][]> {
  const ask = async () => deliver(await enqueue([message]))
  const more = await ask()
  clock.now = startedAt + day - 1
  const before = await ask()
  clock.now += 1
  return [
    ['one more', more, { limited: 1 }],
    ['one when the day is not over yet', before, { limited: 1 }],
    ['one when it is', await ask(), { accepted: 1 }],
  ]
}

export const messageLimits: readonly Made[] = [
  limited('push_by_device', 'A device gets 100 push messages in an hour, and no more', async (scene, tools) => {
    const user = tools.newId()
    const [device, another] = [await scene.device(user), await scene.device(user)]
    const message = pushTo(tools, { user, device })
    return withinWindow(scene, {
      most: 100,
      windowMs: hour,
      message,
      elsewhere: pushTo(tools, { user, device: another }),
    })
  }),
  limited('push_by_topic', 'A topic gets 1,000 push messages in an hour, and no more', async (scene, tools) => {
    const user = tools.newId()
    const message = pushTo(tools, { user, topic: tools.newId() })
    const elsewhere = pushTo(tools, { user, topic: tools.newId() })
    return withinWindow(scene, { most: 1_000, windowMs: hour, message, elsewhere })
  }),
  limited('sms_by_user', 'A user gets 10 SMS in a day, and no more', async (scene, tools) => {
    const { clock, enqueue, deliver } = scene
    const startedAt = clock.now
    const message = reminder(tools)
    const ten = await tenEach(scene, [message])
    const other = await deliver(await enqueue([reminder(tools)]))
    return differences(
      ['ten to a user', ten, { accepted: 10 }],
      ['one to somebody else', other, { accepted: 1 }],
      ...(await untilNextDay(scene, startedAt, message)),
    )
  }),
  limited('sms_by_number', 'From a number go 100 SMS in a day, and no more', async (scene, tools) => {
    const startedAt = scene.clock.now
    const hundred = await tenEach(
      scene,
      Array.from({ length: 10 }, () => reminder(tools)),
    )
    return differences(
      ['a hundred to ten users', hundred, { accepted: 100 }],
      ...(await untilNextDay(scene, startedAt, reminder(tools))),
    )
  }),
  limited('sms_pause', 'Between two SMS to a user stand 60 seconds', async ({ clock, enqueue, deliver }, tools) => {
    const message = reminder(tools)
    const first = await deliver(await enqueue([message]))
    const next = await enqueue([message])
    const atOnce = await deliver(next)
    clock.now += 60 * second - 1
    const before = await deliver(next)
    clock.now += 1
    const after = await deliver(next)
    return differences(
      ['the first', first, { accepted: 1 }],
      ['the second at once', atOnce, { waiting: 1 }],
      ['the second a moment before a minute is over', before, { waiting: 1 }],
      ['the second after a minute', after, { accepted: 1 }],
    )
  }),
]

/** What becomes of a message to a provider that says `later` this often, and how often it is asked. */
async function attempts(tools: TrialTools, refusals: number) {
  let asked = 0
  const answer = (): Outcome =>
    ++asked > refusals ? { kind: 'accepted', providerId: tools.newId() } : { kind: 'later', code: 'HTTP_503' }
  return withOutbox(
    tools,
    async ({ clock, enqueue, deliver }) => {
      const events = await enqueue([reminder(tools)])
      let states = await deliver(events)
      for (let minutes = 0; minutes < 5; minutes++) {
        clock.now += 60 * second
        states = await deliver(events)
      }
      return { states, asked }
    },
    answer,
  )
}

/** One trial, since two at once would deliver each other's messages. */
export const smsAttempts: Made = (tools) => ({
  id: 'limits-sms_attempts/outbox',
  promise: 'limits/sms_attempts',
  title: 'An SMS that was refused twice is delivered by the third attempt, and one refused three times is given up',
  run: async () => {
    const [twice, always] = [await attempts(tools, 2), await attempts(tools, 9)]
    return differences(
      ['refused twice', twice, { states: { accepted: 1 }, asked: 3 }],
      ['refused always', always, { states: { failed: 1 }, asked: 3 }],
    )
  },
})

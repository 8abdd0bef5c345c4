import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../clock.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Random } from '../../random.ts'
import { whileLocked } from '../../synced-file.ts'
import { backoffMs, usualLimits } from './backoff.ts'
import type { Deliver } from './channel.ts'
import { deliverByNotify } from './database-notify.ts'
import { deliverByEmail } from './email.ts'
import { deliverToInbox } from './inbox.ts'
import {
  beginAttempt,
  channelLimit,
  dueOn,
  freeAtMs,
  passOn as markPassedOn,
  type OutboxEntry,
  postpone,
  settle,
} from './outbox.ts'
import type { Outcome } from './outcome.ts'
import { deliverToPagerDuty } from './pagerduty.ts'
import { type ChannelPlan, missingVariables, readSetting, type Variables } from './setting.ts'
import { deliverToSlack } from './slack.ts'
import { deliverBySms } from './sms.ts'
import { deliverToWebhook } from './webhook.ts'

export interface Work {
  database: DatabaseSync
  plan: Plan
  clock: Clock
  random: Random
  variables: Variables
  timeoutMs: number
  /** Tells other channels in the place of one that can not be reached. */
  passOn(entry: OutboxEntry): void
}

/** Failures in a row after which a channel counts as out of reach. */
const failuresUntilDown = 3
/** What is refused is tried again all the same, in case somebody mends the channel: nothing is given up. */
const afterRefusalMs = 300_000

/** Attempts everything that is due: channels beside each other, the messages of one in their order. @returns how many were delivered. */
export async function deliverDue(work: Work): Promise<number> {
  const channels = Object.entries(work.plan.incidents.channels)
  const counts = await Promise.all(channels.map(([name, channel]) => deliverOn(work, name, channel)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function deliverOn(work: Work, name: string, channel: ChannelPlan): Promise<number> {
  const { database, clock } = work
  let delivered = 0
  for (const entry of dueOn(database, name, clock.now())) {
    const freeMs = freeAtMs(database, name, channel.limit ?? usualLimits[channel.kind], clock.now())
    if (freeMs > clock.now()) {
      postpone(database, entry, { dueMs: freeMs, reason: channelLimit, unsure: false })
      continue
    }
    if (!beginAttempt(database, entry, clock.now() + 2 * work.timeoutMs)) continue
    const outcome = await attempt(work, name, channel, entry)
    if (record(work, entry, outcome)) delivered++
    // One that does not answer may take its time for every message: the others wait for the next call, so that escalations do not wait for them.
    if (outcome.kind === 'failed') break
  }
  return delivered
}

async function attempt(work: Work, name: string, channel: ChannelPlan, entry: OutboxEntry): Promise<Outcome> {
  const missing = missingVariables(name, channel, work.variables)
  if (missing.length > 0) return { kind: 'refused', reason: `not set: ${missing.join(', ')}` }
  return await delivererOf(
    work.database,
    channel.kind,
  )({
    channel: name,
    message: entry.message,
    key: entry.key,
    language: channel.language,
    setting: (setting) => readSetting(name, channel, setting, work.variables),
    unsure: entry.unsure,
    nowMs: work.clock.now(),
    timeoutMs: work.timeoutMs,
  })
}

/** @returns whether somebody was reached. */
function record(work: Work, entry: OutboxEntry, outcome: Outcome): boolean {
  const { database, clock, random } = work
  const nowMs = clock.now()
  if (outcome.kind === 'delivered' || outcome.kind === 'handed-over') {
    settle(database, entry.number, outcome.kind, 'reference' in outcome ? outcome.reference : undefined, nowMs)
    return outcome.kind === 'delivered'
  }
  const failures = entry.attempts + 1
  const refused = outcome.kind === 'refused'
  const waitMs = Math.max(
    refused ? afterRefusalMs : 0,
    refused ? 0 : (outcome.afterMs ?? 0),
    backoffMs(failures, random),
  )
  whileLocked(database, () => {
    postpone(database, entry, { dueMs: nowMs + waitMs, reason: outcome.reason, unsure: !refused && outcome.unsure })
    const down = refused || failures >= failuresUntilDown
    if (down && entry.message.status === 'firing' && markPassedOn(database, entry.number)) work.passOn(entry)
  })
  return false
}

function delivererOf(database: DatabaseSync, kind: ChannelPlan['kind']): Deliver {
  switch (kind) {
    case 'slack':
      return deliverToSlack
    case 'pagerduty':
      return deliverToPagerDuty
    case 'email':
      return deliverByEmail
    case 'sms':
      return deliverBySms
    case 'webhook':
      return deliverToWebhook
    case 'notify':
      return deliverByNotify
    case 'console':
      return deliverToInbox(database)
    case 'monitor':
      return async () => ({ kind: 'handed-over' })
  }
}

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import type { Plan } from '../../plan/plan.ts'
import { formatDuration } from '../../plan/units.ts'
import { reachable, removeReachable } from '../../postgres/place.ts'
import { seededRandom } from '../../random.ts'
import type { Notice } from '../../watch/alerts/notice.ts'
import { dedupKey, episodeOf } from '../../watch/notify/message.ts'
import { openPager, type Pager } from '../../watch/notify/pager.ts'
import { readPagerDutyWebhook } from '../../watch/notify/pagerduty-webhook.ts'
import type { Fault } from '../prover.ts'
import { type ChannelEnds, untriable } from './channels.ts'

/** A clock that stands where it was put: hours of silence pass in no time. */
export interface MovedClock extends Clock {
  to(ms: number): void
}

export function movedClock(startMs: number): MovedClock {
  let nowMs = startMs
  return {
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms
    },
    to: (ms) => {
      nowMs = Math.max(nowMs, ms)
    },
  }
}

/** What the delivery of an alert is tried with. */
export interface Stage {
  plan: Plan
  ends: ChannelEnds
  clock: MovedClock
  /** A folder that the pager may write in. */
  directory: string
  seed: number
}

const mostRounds = 200

/**
 * Has the pager deliver an alert's notices to the ends of its channels, somebody acknowledge it, and the end of it told.
 * @returns the breach, undefined when all of it happened
 */
export async function deliver(
  stage: Stage,
  alert: string,
  notices: readonly Notice[],
  faults: ReadonlySet<Fault>,
): Promise<string | undefined> {
  return withPager(stage, async (pager) => {
    const { plan, ends, clock } = stage
    const tried = (channel: string) => {
      const kind = plan.incidents.channels[channel]?.kind
      return kind !== undefined && !untriable.has(kind) && kind !== 'console'
    }
    const firing = notices.filter(({ status }) => status === 'firing')
    const resolved = notices.filter(({ status }) => status === 'resolved')
    const before = await countsOf(ends, plan)
    await hand(pager, clock, firing)
    for (const { channel } of firing.filter((notice) => tried(notice.channel))) {
      const texts = (await ends.arrived(channel)).slice(before.get(channel) ?? 0)
      if (texts.length === 0) return `${channel} was told nothing`
      if (texts.length > 1) return `${channel} was told ${texts.length} times of one firing`
      if (!says(texts[0] ?? '', alert, firing)) return `What reached ${channel} does not say what is wrong`
    }
    const [first] = firing
    const [instance] = first?.alerts ?? []
    if (first === undefined || instance === undefined) return 'Nothing was handed to anybody'
    const key = dedupKey(first.channel, first.group)
    const webhook = ends.acknowledgement(first.channel, key)
    const answer = webhook && readPagerDutyWebhook(webhook.body, webhook.signature, webhook.secret)
    if (webhook && (answer === 'forged' || answer?.dedup !== key))
      return `The answer of ${first.channel} is not understood`
    pager.acknowledge(faults.has('answer-forgotten') ? 'another' : key, 'on-call')
    if (pager.episode(episodeOf(instance))?.acknowledgedMs === undefined) return 'An acknowledgement is not kept'

    const quiet = await countsOf(ends, plan)
    const told = await toldLater(pager, stage, clock.now() + longestEscalation(plan) + 60_000)
    const late = told.filter((channel) => tried(channel))
    const more = await countsOf(ends, plan)
    const woken = [...more].filter(([channel, count]) => count > (quiet.get(channel) ?? 0)).map(([channel]) => channel)
    if (woken.length > 0 || late.length > 0) {
      return `Although somebody answered, ${[...new Set([...woken, ...late])].join(' and ')} was told further`
    }
    await hand(pager, clock, resolved)
    for (const { channel } of firing.filter((notice) => tried(notice.channel))) {
      const end = resolved.find((notice) => notice.channel === channel)
      if (end === undefined) return `${channel} is never told that it is over`
      const closed = ends.closed(channel, dedupKey(end.channel, end.group))
      const count = (await ends.arrived(channel)).length
      if (closed === false || (closed === undefined && count <= (more.get(channel) ?? 0)))
        return `${channel} does not hear that it is over`
    }
    return undefined
  })
}

/** Has an alert told to the first of an escalation and nobody answer. @returns the breach, undefined when the next heard of it in time and not before */
export async function escalate(stage: Stage, step: string, notice: Notice): Promise<string | undefined> {
  return withPager(stage, async (pager) => {
    const { plan, ends, clock } = stage
    const escalation = plan.incidents.escalation[step]
    if (escalation === undefined) return 'There is no such step'
    await hand(pager, clock, [notice])
    const before = await countsOf(ends, plan)
    clock.to(notice.atMs + escalation.after - 1_000)
    await work(pager)
    const early = await countsOf(ends, plan)
    for (const channel of escalation.to) {
      if ((early.get(channel) ?? 0) > (before.get(channel) ?? 0)) return `${channel} is told before the time has passed`
    }
    clock.to(notice.atMs + escalation.after)
    await work(pager)
    const after = await countsOf(ends, plan)
    for (const channel of escalation.to) {
      if ((after.get(channel) ?? 0) === (early.get(channel) ?? 0))
        return `${channel} is told nothing after ${formatDuration(escalation.after)} without an answer`
    }
    return undefined
  })
}

async function withPager<T>(stage: Stage, use: (pager: Pager) => Promise<T>): Promise<T> {
  const directory = await reachable(stage.directory)
  const pager = openPager({
    directory,
    plan: stage.plan,
    clock: stage.clock,
    random: seededRandom(stage.seed),
    variables: stage.ends.variables,
  })
  try {
    return await use(pager)
  } finally {
    pager.close()
    await rm(join(directory, 'pager.db'), { force: true })
    await removeReachable(directory)
  }
}

async function hand(pager: Pager, clock: MovedClock, notices: readonly Notice[]): Promise<void> {
  for (const notice of notices) {
    clock.to(notice.atMs)
    pager.accept(notice)
  }
  await work(pager)
}

/** Until nothing is due any more at the moment the clock stands at. */
async function work(pager: Pager): Promise<void> {
  for (let round = 0; round < mostRounds; round++) {
    const { delivered } = await pager.work()
    if (delivered === 0) return
  }
}

/** Lets time pass and says whom the pager has meant to tell meanwhile. */
async function toldLater(pager: Pager, { clock }: Stage, untilMs: number): Promise<string[]> {
  const before = new Set(pager.waiting().map(({ number }) => number))
  clock.to(untilMs)
  await work(pager)
  return pager.waiting().flatMap(({ number, channel }) => (before.has(number) ? [] : [channel]))
}

function longestEscalation(plan: Plan): number {
  return Math.max(0, ...Object.values(plan.incidents.escalation).map(({ after }) => after))
}

async function countsOf(ends: ChannelEnds, plan: Plan): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const channel of Object.keys(plan.incidents.channels)) counts.set(channel, (await ends.arrived(channel)).length)
  return counts
}

/** Whether a text names the alert or says its summary; mail is encoded in lines of its own. */
function says(text: string, alert: string, notices: readonly Notice[]): boolean {
  const plain = text.replace(/=\r?\n/g, '').replace(/\s+/g, ' ')
  const wanted = [alert, ...notices.flatMap(({ alerts }) => alerts.map(({ summary }) => summary))]
  return wanted.some((each) => plain.includes(each))
}

import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Random } from '../../random.ts'
import { whileLocked } from '../../synced-file.ts'
import type { Notice } from '../alerts/notice.ts'
import { heartbeatName } from '../alerts/rule.ts'
import { noticedOn } from './allow-list.ts'
import { deliverDue } from './deliver.ts'
import {
  answerEpisode,
  beginEpisode,
  type Episode,
  endEpisode,
  episodesOfGroup,
  noteTold,
  openEpisodes,
  readEpisode,
  toldOf,
} from './episodes.ts'
import { dueSteps, finishStep, firstResponders, startSteps } from './escalation.ts'
import { type InboxItem, readInbox } from './inbox.ts'
import { dedupKey, type Message, type MessageAlert, messageFor, messageOf } from './message.ts'
import { enqueue, entriesOf, forget, nextDueMs, type OutboxEntry, waiting } from './outbox.ts'
import { settingsOf, type Variables } from './setting.ts'
import { openPagerFile } from './storage.ts'

/** Hands notices to people until somebody answers. Safe to kill at any moment: what it accepted, it delivers after the next start. */
export interface Pager {
  /** Takes a notice; it is on the disk when this returns. Handing in the same again changes nothing. @throws NOTICE_CHANNEL */
  accept(notice: Notice): void
  /**
   * Tells whoever is next where nobody answered in time, then attempts everything that is due, channels beside each other.
   *
   * @returns how many messages were delivered, how many wait, and when to call again; never for a message that just came in.
   */
  work(): Promise<{ delivered: number; waiting: number; nextDueMs: number | undefined }>
  /**
   * Somebody answered: nobody further is told, and PagerDuty shows it. `by` stays here and is in no message.
   *
   * @param what the episode of an alert (`episodeOf`), or the deduplication key of a group.
   * @returns the episodes that nobody had answered before; none when there is no such or it was answered.
   */
  acknowledge(what: string, by: string): string[]
  /** The firings that have not ended, and who answered each. */
  open(): Episode[]
  episode(episode: string): Episode | undefined
  /** What was told of an episode, to whom and when, oldest first. */
  told(episode: string): OutboxEntry[]
  /** What was accepted and has not arrived yet, oldest first, each with what went wrong last. */
  waiting(): OutboxEntry[]
  /** What the console was told, newest first. */
  inbox(most?: number): InboxItem[]
  close(): void
}

export interface PagerOptions {
  /** The project's state folder; `pager.db` is made in it. */
  directory: string
  plan: Plan
  clock: Clock
  /** For the jitter between attempts. */
  random: Random
  /** Where addresses and secrets are; `process.env`. */
  variables: Variables
  /** How long one attempt may take, in milliseconds of real time. */
  timeoutMs?: number
}

const forgetEveryMs = 3_600_000

/** @throws NOTIFY_SETTING when a channel of the plan has a setting its kind does not know. */
export function openPager(options: PagerOptions): Pager {
  const { plan, clock, directory, timeoutMs = 10_000 } = options
  refuseUnknownSettings(plan)
  const database = openPagerFile(directory)
  let forgetMs = 0

  const tell = (channel: string, message: Message, own: boolean): void => {
    const nowMs = clock.now()
    enqueue(database, channel, message, nowMs, repeatAfterMs(plan, message))
    noteTold(database, channel, message, own)
    if (message.status !== 'firing') return
    for (const about of message.alerts)
      if (about.status === 'firing' && readEpisode(database, about.episode)?.acknowledgedMs === undefined)
        startSteps(database, plan, { about, channel }, nowMs)
  }

  /** Tells a channel that no notice names, in a group of its own for each alert. */
  const tellOwn = (
    channel: string,
    alert: MessageAlert,
    about: Pick<Message, 'unansweredMs' | 'insteadOf'> = {},
  ): void => {
    if (plan.incidents.channels[channel] === undefined) return
    const message = messageFor(plan, [alert], dedupKey(channel, alert.episode), clock.now())
    tell(channel, { ...message, ...about }, true)
  }

  const begin = (alert: MessageAlert, noticed: string): void => {
    if (!beginEpisode(database, alert, clock.now())) return
    const named = noticedOn(plan, alert.alert)
    for (const first of firstResponders(plan, alert))
      if (first !== noticed && !named.includes(first)) tellOwn(first, alert)
  }

  const end = (alert: MessageAlert): void => {
    if (!endEpisode(database, alert.episode, clock.now())) return
    for (const { channel, own } of toldOf(database, alert.episode)) if (own) tellOwn(channel, alert)
  }

  const lastSaid = (episode: string): MessageAlert | undefined =>
    entriesOf(database, episode)
      .at(-1)
      ?.message.alerts.find((alert) => alert.episode === episode)

  const escalate = (): void =>
    whileLocked(database, () => {
      for (const due of dueSteps(database, clock.now())) {
        finishStep(database, due, clock.now())
        const step = plan.incidents.escalation[due.step]
        const alert = lastSaid(due.episode)
        if (step === undefined || alert === undefined) continue
        for (const channel of step.to) tellOwn(channel, alert, { unansweredMs: step.after })
      }
    })

  return {
    accept: (notice) => {
      if (plan.incidents.channels[notice.channel] === undefined)
        throw failure('NOTICE_CHANNEL', { known: Object.keys(plan.incidents.channels).join(', ') })
      const message = messageOf(plan, notice)
      whileLocked(database, () => {
        for (const alert of message.alerts) {
          if (alert.status === 'firing') begin(alert, notice.channel)
          else end(alert)
        }
        tell(notice.channel, message, false)
      })
    },
    work: async () => {
      escalate()
      if (clock.now() >= forgetMs) {
        forget(database, heartbeatName, clock.now())
        forgetMs = clock.now() + forgetEveryMs
      }
      const passOn = (entry: OutboxEntry): void => {
        const { message, channel } = entry
        for (const other of plan.incidents.channels[channel]?.otherwise ?? [])
          for (const alert of message.alerts)
            if (alert.status === 'firing') tellOwn(other, alert, { insteadOf: channel })
      }
      const delivered = await deliverDue({ ...options, timeoutMs, database, passOn })
      return { delivered, waiting: waiting(database).length, nextDueMs: nextDueMs(database) }
    },
    acknowledge: (what, by) =>
      whileLocked(database, () => {
        const episodes = readEpisode(database, what) === undefined ? episodesOfGroup(database, what) : [what]
        const answered = episodes.filter((episode) => answerEpisode(database, episode, by, clock.now()))
        for (const episode of answered) {
          const alert = lastSaid(episode)
          if (alert === undefined) continue
          for (const { channel, dedup } of toldOf(database, episode)) {
            const { kind } = plan.incidents.channels[channel] ?? {}
            if (kind !== 'pagerduty' && kind !== 'webhook') continue
            const message = messageFor(plan, [alert], dedup, clock.now())
            enqueue(database, channel, { ...message, status: 'acknowledged' }, clock.now(), 0)
          }
        }
        return answered
      }),
    open: () => openEpisodes(database),
    episode: (episode) => readEpisode(database, episode),
    told: (episode) => entriesOf(database, episode),
    waiting: () => waiting(database),
    inbox: (most = 100) => readInbox(database, most),
    close: () => database.close(),
  }
}

/**
 * From when on the same words are a reminder and not the same notice once more: half of the interval that evaluation repeats it at. What
 * a crash between handing in and noting it brings again comes sooner.
 */
function repeatAfterMs({ incidents: { heartbeat, routing } }: Plan, { alerts }: Message): number {
  const beats = heartbeat !== undefined && alerts.some(({ alert }) => alert === heartbeatName)
  return (beats ? heartbeat.every : routing.repeatInterval) / 2
}

function refuseUnknownSettings(plan: Plan): void {
  for (const [channel, { kind, settings }] of Object.entries(plan.incidents.channels)) {
    const known: readonly string[] = [...settingsOf[kind].needed, ...settingsOf[kind].more]
    const setting = Object.keys(settings).find((name) => !known.includes(name))
    if (setting !== undefined)
      throw failure('NOTIFY_SETTING', { channel, setting, kind, known: known.join(', ') || 'none' })
  }
}

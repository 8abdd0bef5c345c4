import type { AlertInstance, Notice } from '../alerts/notice.ts'
import { heartbeatAlert } from './allow-list.ts'
import { episodeOf } from './message.ts'
import type { Pager } from './pager.ts'

/*
 * The pager is watched by what it does: on a schedule a notice that means nothing is handed in and must arrive. One that has not arrived
 * in time is a failure of the pager, whatever is the cause: a secret that was changed, a provider that refuses, a process that stands.
 */

/** Beats that passed while nothing ran, after which an open one is left to whoever finds it. */
const longestPause = 1_000

/** How the pager stands on one channel. */
export interface Heartbeat {
  channel: string
  /** When one last arrived; milliseconds since the epoch, undefined when none ever did. */
  arrivedMs: number | undefined
  /** `late`: none has arrived within twice the interval. */
  state: 'fine' | 'late' | 'never tried'
  /** What went wrong last, where one waits. */
  reason: string | undefined
}

/** The beat a moment belongs to: every moment of one interval has the same, so that a restart hands in no second one. */
function beatOf(channel: string, everyMs: number, nowMs: number): AlertInstance {
  const startedAtMs = Math.floor(nowMs / everyMs) * everyMs
  return {
    id: `${heartbeatAlert} ${channel}`,
    alert: heartbeatAlert,
    labels: {},
    severity: 'low',
    status: 'firing',
    startedAtMs,
    endedAtMs: undefined,
    summary: '',
    runbook: undefined,
    value: startedAtMs / 1_000,
  }
}

/**
 * Hands in the beat of this interval where it was not, and ends the one before, so that no provider keeps an incident of it.
 *
 * @param everyMs the interval; the same for every call of a channel.
 */
export function beat(pager: Pager, channel: string, everyMs: number, nowMs: number): void {
  const now = beatOf(channel, everyMs, nowMs)
  if (pager.episode(episodeOf(now)) !== undefined) return
  for (const open of pager.open().filter(({ alert }) => alert === heartbeatAlert)) {
    const before = lastBeats(channel, everyMs, nowMs, longestPause).find(
      (instance) => episodeOf(instance) === open.episode,
    )
    if (before) pager.accept(noticeOf(channel, { ...before, status: 'resolved', endedAtMs: nowMs }))
  }
  pager.accept(noticeOf(channel, now))
}

/** Whether the beats of a channel arrive: the assertion that a synthetic alert is for. */
export function heartbeatOf(pager: Pager, channel: string, everyMs: number, nowMs: number): Heartbeat {
  const beats = lastBeats(channel, everyMs, nowMs, 8).flatMap((instance) =>
    pager.told(episodeOf(instance)).filter((entry) => entry.message.status === 'firing' && entry.channel === channel),
  )
  const arrived = beats.filter(({ state }) => state === 'delivered' || state === 'handed-over')
  const arrivedMs = arrived.reduce<number | undefined>(
    (last, { settled_ms }) => (settled_ms === null ? last : Math.max(last ?? 0, settled_ms)),
    undefined,
  )
  const reason = beats.find(({ state }) => state === 'waiting')?.reason ?? undefined
  if (beats.length === 0) return { channel, arrivedMs, state: 'never tried', reason }
  const late = arrivedMs === undefined || nowMs - arrivedMs > 2 * everyMs
  // The very first beat has its own time to arrive.
  const young = beats.every(({ accepted_ms }) => nowMs - accepted_ms <= everyMs)
  return { channel, arrivedMs, state: late && !(arrivedMs === undefined && young) ? 'late' : 'fine', reason }
}

/** The beats of the last intervals, newest first. */
function lastBeats(channel: string, everyMs: number, nowMs: number, count: number): AlertInstance[] {
  return Array.from({ length: count }, (_, back) => beatOf(channel, everyMs, nowMs - back * everyMs))
}

function noticeOf(channel: string, instance: AlertInstance): Notice {
  return {
    group: `${heartbeatAlert} ${instance.startedAtMs}`,
    channel,
    alerts: [instance],
    status: instance.status,
    atMs: instance.endedAtMs ?? instance.startedAtMs,
  }
}

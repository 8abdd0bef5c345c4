import type { Plan } from '../../plan/plan.ts'
import { heartbeatName } from '../alerts/rule.ts'
import type { Pager } from './pager.ts'

/*
 * The pager is watched by what it does: `incidents.heartbeat` is an alert that always fires and is told again on a schedule. One that does not
 * arrive in time is a failure of the pager, whatever its cause: a secret that was changed, a provider that refuses, evaluation that stands.
 */

/** How the pager stands on one channel of the heartbeat. */
export interface Heartbeat {
  channel: string
  /** When one last arrived; milliseconds since the epoch, undefined when none ever did. */
  arrivedMs: number | undefined
  /** `late`: none has arrived within twice the interval, or the first has not within one. `silent`: none was ever handed in. */
  state: 'fine' | 'late' | 'silent'
  /** What went wrong last, where one waits. */
  reason: string | undefined
}

/** Whether the heartbeats of a plan arrive, on each of its channels: the assertion that a synthetic alert is for. */
export function heartbeats(plan: Plan, pager: Pager, nowMs: number): Heartbeat[] {
  const { heartbeat } = plan.incidents
  if (heartbeat === undefined) return []
  const beats = pager
    .open()
    .filter(({ alert }) => alert === heartbeatName)
    .flatMap(({ episode }) => pager.told(episode))
  return heartbeat.notify.map((channel): Heartbeat => {
    const own = beats.filter((entry) => entry.channel === channel)
    const [first] = own
    if (first === undefined) return { channel, arrivedMs: undefined, state: 'silent', reason: undefined }
    const arrivedMs =
      own.findLast(({ state }) => state === 'delivered' || state === 'handed-over')?.settled_ms ?? undefined
    const lateMs = arrivedMs === undefined ? first.accepted_ms + heartbeat.every : arrivedMs + 2 * heartbeat.every
    const reason = own.find(({ state }) => state === 'waiting')?.reason ?? undefined
    return { channel, arrivedMs, state: nowMs > lateMs ? 'late' : 'fine', reason }
  })
}

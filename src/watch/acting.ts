import type { Actions } from './actions/actions.ts'
import type { ActionRun } from './actions/runs.ts'
import type { AlertInstance } from './alerts/notice.ts'
import type { AlertState } from './alerts/round.ts'

/** Has actions considered for what fires, round after round. */
export interface Acting {
  /** Considers what somebody was told of and still fires; it does not wait for what is carried out. */
  on(state: AlertState): void
  settled(): Promise<void>
}

/**
 * Considers each alert by itself, so that an action that takes hours is no reason to say nothing of what it holds back; that two are never carried out at once
 * is held by `actions`.
 */
export function actingWith(
  actions: Actions,
  listener: { acted(run: ActionRun): void; trouble(what: string, error: unknown): void },
): Acting {
  const underWay = new Map<string, Promise<void>>()
  const told = new Set(actions.runs().map(({ number }) => number))
  const tell = () => {
    for (const run of actions.runs()) {
      if (run.state === 'begun' || told.has(run.number)) continue
      told.add(run.number)
      listener.acted(run)
    }
  }
  const consider = async (alert: AlertInstance) => {
    try {
      await actions.consider(alert)
    } catch (error) {
      listener.trouble('actions', error)
    }
    underWay.delete(alert.id)
    tell()
  }
  return {
    on: (state) => {
      for (const alert of toldAndFiring(state)) {
        if (!underWay.has(alert.id)) underWay.set(alert.id, consider(alert))
      }
    },
    settled: async () => {
      await Promise.all(underWay.values())
    },
  }
}

/** What is silenced or inhibited, nobody wants acted on. */
function toldAndFiring({ groups }: AlertState): AlertInstance[] {
  const firing = new Map<string, AlertInstance>()
  for (const { members } of groups.values()) {
    for (const { told, endedAtMs, runbook, value, ...member } of members) {
      if (!told || endedAtMs !== undefined) continue
      firing.set(member.id, { ...member, status: 'firing', endedAtMs, runbook, value: value ?? Number.NaN })
    }
  }
  return [...firing.values()]
}

import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../clock.ts'
import { AvalError } from '../../errors.ts'
import type { Plan } from '../../plan/plan.ts'
import { markAlive, processMark } from '../../process.ts'
import { whileLocked } from '../../synced-file.ts'
import type { AlertInstance } from '../alerts/notice.ts'
import { episodeOf } from '../notify/message.ts'
import { heldBack, usualCoolDownMs } from './condition.ts'
import { newestRelease, noteVersion } from './releases.ts'
import {
  type ActionKind,
  type ActionRun,
  actionKinds,
  endRun,
  insertRun,
  openRunFile,
  readRuns,
  runningRun,
  wasBegun,
} from './runs.ts'

/** How carrying an action out ended; `reason` is of our own words. */
export interface Performed {
  state: 'done' | 'failed' | 'interrupted' | 'by hand'
  reason?: string
}

/** What carries an action out; one that throws has failed. */
export type Perform = (about: { alert: string; labels: AlertInstance['labels'] }) => Promise<Performed>

/** Actions of alerts: each once a firing, never two at a time, none of a kind within its cool-down; across crashes as well. */
export interface Actions {
  /**
   * Does what the plan says about an alert, where its conditions hold. To be called at every evaluation while it fires, since a
   * condition may come to hold later; the record is on the disk before anything is done.
   *
   * @returns what was carried out, with its end. What is held back is recorded once for each reason.
   */
  consider(alert: AlertInstance): Promise<ActionRun[]>
  /** Says which version runs now: another one than before is a release. Of the first that is ever seen nobody knows since when it runs. */
  running(version: string): void
  /** Every run and everything held back, oldest first. */
  runs(): ActionRun[]
  close(): void
}

export interface ActionsOptions {
  /** The project's state folder; `actions.db` is made in it. */
  directory: string
  plan: Plan
  clock: Clock
  /** The actions there are. One that the plan names and nobody brings is left to a person, and said so. */
  perform: Partial<Record<ActionKind, Perform>>
}

export function openActions(options: ActionsOptions): Actions {
  const { plan, clock } = options
  const database = openRunFile(options.directory)
  endInterrupted(database, clock)

  return {
    consider: async (alert) => {
      const done: ActionRun[] = []
      if (alert.status !== 'firing') return done
      const then = Object.hasOwn(plan.alerts, alert.alert) ? plan.alerts[alert.alert]?.then : undefined
      for (const action of actionKinds) {
        if (then === undefined || !then[action]) continue
        const number = begin(database, options, alert, action)
        if (number === undefined) continue
        await carryOut(database, options, alert, action, number)
        done.push(...readRuns(database).filter((run) => run.number === number))
      }
      return done
    },
    running: (version) => noteVersion(database, version, clock.now()),
    runs: () => readRuns(database),
    close: () => database.close(),
  }
}

/** @returns the number of the run that may go on; undefined when it is held back, left to a person, or was carried out for this firing. */
function begin(
  database: DatabaseSync,
  { plan, clock, perform }: ActionsOptions,
  alert: AlertInstance,
  action: ActionKind,
): number | undefined {
  return whileLocked(database, () => {
    endInterrupted(database, clock)
    const episode = episodeOf(alert)
    const runs = readRuns(database)
    const own = runs.filter((run) => run.episode === episode && run.action === action)
    if (own.some(({ state }) => state !== 'withheld')) return undefined
    const nowMs = clock.now()
    const then = plan.alerts[alert.alert]?.then ?? {}
    const lastMs = runs.filter((run) => run.action === action && wasBegun(run)).at(-1)?.atMs
    const run = { episode, alert: alert.alert, action, atMs: nowMs }
    const condition = heldBack(then, action, {
      nowMs,
      startedAtMs: alert.startedAtMs,
      deployedAtMs: newestRelease(database),
    })
    if (condition === undefined && perform[action] === undefined) {
      const number = insertRun(database, { ...run, state: 'by hand', reason: undefined }, undefined)
      endRun(database, number, { state: 'by hand', reason: byHand(alert), endedMs: nowMs })
      return undefined
    }
    const reason =
      condition ??
      (runningRun(database) === undefined ? undefined : 'another action runs') ??
      (lastMs !== undefined && nowMs - lastMs < (then.coolDown ?? usualCoolDownMs) ? 'cool-down' : undefined)
    if (reason === undefined)
      return insertRun(database, { ...run, state: 'begun', reason }, JSON.stringify(processMark(process.pid)))
    if (!own.some((known) => known.reason === reason))
      insertRun(database, { ...run, state: 'withheld', reason }, undefined)
    return undefined
  })
}

async function carryOut(
  database: DatabaseSync,
  { clock, perform }: ActionsOptions,
  { alert, labels }: AlertInstance,
  action: ActionKind,
  number: number,
): Promise<void> {
  try {
    const performed = await perform[action]?.({ alert, labels })
    endRun(database, number, {
      state: performed?.state ?? 'done',
      reason: performed?.reason,
      endedMs: clock.now(),
    })
  } catch (error) {
    // A code of ours says enough; the message of anything else may hold what must not be kept.
    const reason = error instanceof AvalError ? error.code : 'it threw'
    endRun(database, number, { state: 'failed', reason, endedMs: clock.now() })
  }
}

/** Why nothing was done, and what says how a person does it. */
function byHand({ runbook }: AlertInstance): string {
  const how = runbook === undefined ? '' : `; ${runbook} says what to do`
  return `the plan names no command for it${how}`
}

/** A run whose process is gone ended somewhere: it no longer stands in the way of others, and is not repeated. */
function endInterrupted(database: DatabaseSync, clock: Clock): void {
  const running = runningRun(database)
  if (running !== undefined && !markAlive(running.owner))
    endRun(database, running.number, {
      state: 'interrupted',
      reason: 'the process that carried it out is gone',
      endedMs: clock.now(),
    })
}

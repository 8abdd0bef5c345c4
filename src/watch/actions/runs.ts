import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { openSynced } from '../../synced-file.ts'

/** What may be done about an alert without waiting for anybody; the names of `alerts.*.then`. */
export const actionKinds = ['rollback', 'failover', 'cleanUp', 'scale', 'retry', 'renew'] as const
export type ActionKind = (typeof actionKinds)[number]

/** One action, carried out or held back. */
export interface ActionRun {
  number: number
  /** The firing it is about, as `episodeOf` names it. */
  episode: string
  /** The rule's name in the plan. */
  alert: string
  action: ActionKind
  /**
   * `interrupted`: whoever carried it out died or was stopped, and how far it came is not known. `by hand`: nothing here can do it, a person has to.
   * Neither is repeated for the same firing.
   */
  state: 'begun' | 'done' | 'failed' | 'interrupted' | 'by hand' | 'withheld'
  /** What was done, why it was held back, how it failed, or why a person has to; our own words. */
  reason: string | undefined
  atMs: number
  endedMs: number | undefined
}

/** Unique indexes carry two promises past any crash: once a firing, and one at a time. */
const schema = `
CREATE TABLE IF NOT EXISTS runs (
  number   INTEGER PRIMARY KEY,
  episode  TEXT NOT NULL,
  alert    TEXT NOT NULL,
  action   TEXT NOT NULL,
  state    TEXT NOT NULL,
  reason   TEXT,
  at_ms    INTEGER NOT NULL,
  ended_ms INTEGER,
  owner    TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS once_a_firing ON runs (episode, action) WHERE state <> 'withheld';
CREATE UNIQUE INDEX IF NOT EXISTS one_at_a_time ON runs (state) WHERE state = 'begun';
CREATE TABLE IF NOT EXISTS releases (
  number   INTEGER PRIMARY KEY,
  version  TEXT NOT NULL,
  since_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS held_back_is_told_once ON runs (episode, action, reason) WHERE state = 'withheld';
`

export const ownerSchema = z.object({ pid: z.int(), started: z.string().nullable() })

const rowSchema = z
  .object({
    number: z.int(),
    episode: z.string(),
    alert: z.string(),
    action: z.enum(actionKinds),
    state: z.enum(['begun', 'done', 'failed', 'interrupted', 'by hand', 'withheld']),
    reason: z.string().nullable(),
    at_ms: z.int(),
    ended_ms: z.int().nullable(),
  })
  .transform(
    ({ at_ms, ended_ms, reason, ...row }): ActionRun => ({
      ...row,
      reason: reason ?? undefined,
      atMs: at_ms,
      endedMs: ended_ms ?? undefined,
    }),
  )

/** Whether an action was set in motion: what is held back or left to a person was not. */
export function wasBegun({ state }: Pick<ActionRun, 'state'>): boolean {
  return state !== 'withheld' && state !== 'by hand'
}

export function openRunFile(directory: string): DatabaseSync {
  return openSynced(join(directory, 'actions.db'), schema)
}

/** Every run, oldest first. */
export function readRuns(database: DatabaseSync): ActionRun[] {
  return z.array(rowSchema).parse(database.prepare('SELECT * FROM runs ORDER BY number').all())
}

export function insertRun(
  database: DatabaseSync,
  run: Omit<ActionRun, 'number' | 'endedMs'>,
  owner: string | undefined,
): number {
  const { lastInsertRowid } = database
    .prepare('INSERT INTO runs (episode, alert, action, state, reason, at_ms, owner) VALUES (?, ?, ?, ?, ?, ?, ?)')
    .run(run.episode, run.alert, run.action, run.state, run.reason ?? null, run.atMs, owner ?? null)
  return Number(lastInsertRowid)
}

export function endRun(
  database: DatabaseSync,
  number: number,
  end: Required<Pick<ActionRun, 'state' | 'reason' | 'endedMs'>>,
): void {
  database
    .prepare('UPDATE runs SET state = ?, reason = ?, ended_ms = ? WHERE number = ?')
    .run(end.state, end.reason ?? null, end.endedMs ?? null, number)
}

/** The run that has begun and not ended, and the mark of the process that carries it out. */
export function runningRun(database: DatabaseSync): { number: number; owner: z.infer<typeof ownerSchema> } | undefined {
  const row = database.prepare("SELECT number, owner FROM runs WHERE state = 'begun'").get()
  return z
    .object({ number: z.int(), owner: z.string().transform((text) => ownerSchema.parse(JSON.parse(text))) })
    .optional()
    .parse(row)
}

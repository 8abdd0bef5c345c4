import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { alertSeverity } from '../../plan/alerts.ts'
import { openSynced, whileLocked } from '../../synced-file.ts'
import { groupState } from './group.ts'
import type { Notice } from './notice.ts'
import type { AlertState } from './round.ts'
import { ruleState } from './rule-state.ts'
import { type Silence, silenceSchema } from './silence.ts'

/*
 * What alerts remember, in one file. A round and what it says become one transaction, synced before anything is handed over: whatever
 * the moment of a kill, a notice was either never made, and the next round makes it, or lies here until it was handed over.
 */

const schema = `
CREATE TABLE IF NOT EXISTS memory (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notices (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  body     TEXT NOT NULL
) STRICT;
`

/** A notice that waits to be handed over. It may come twice when its taker is killed before it said so; group, channel and moment tell it. */
export interface Waiting {
  sequence: number
  notice: Notice
}

export interface AlertStore extends Disposable {
  /** What was committed last, with the silences of now, which others may have added. */
  state(): AlertState
  /** Keeps a silence, or a change of one, synced when it returns. */
  silence(silence: Silence): void
  /** Keeps rules and groups of a state and the notices that led to it; all or nothing, synced when it returns. */
  commit(state: AlertState, notices?: readonly Notice[]): void
  /** Notices nobody took yet, oldest first. */
  waiting(): Waiting[]
  /** Forgets a notice that its taker keeps now. */
  handedOver(sequence: number): void
}

/** What only one process writes: whoever runs the rounds. */
const parts = [
  { kind: 'rule', of: 'rules' },
  { kind: 'group', of: 'groups' },
] as const

/** Opens the file, making it when it is not there. */
export function openAlertStore(file: string): AlertStore {
  const database = openSynced(file, schema)
  const put = database.prepare('INSERT OR REPLACE INTO memory (kind, name, body) VALUES (?, ?, ?)')
  const remove = database.prepare('DELETE FROM memory WHERE kind = ? AND name = ?')
  const say = database.prepare('INSERT INTO notices (body) VALUES (?)')
  const taken = database.prepare('DELETE FROM notices WHERE sequence = ?')
  const read = <T>(kind: string, as: z.ZodType<T>) => readMemory(database, kind, as)
  let kept: AlertState = {
    rules: read('rule', ruleState),
    groups: read('group', groupState),
    silences: read('silence', silenceSchema),
  }
  return {
    state: () => {
      kept = { ...kept, silences: read('silence', silenceSchema) }
      return kept
    },
    silence: (silence) => {
      put.run('silence', silence.id, JSON.stringify(silence))
    },
    commit(state, notices = []) {
      const forgotten = [...kept.silences.keys()].filter((id) => !state.silences.has(id))
      const same = parts.every(({ of }) => sameMembers(kept[of], state[of])) && forgotten.length === 0
      if (!same || notices.length > 0) {
        whileLocked(database, () => {
          for (const { kind, of } of parts) {
            const before: ReadonlyMap<string, unknown> = kept[of]
            for (const [name, body] of state[of]) {
              if (before.get(name) !== body) put.run(kind, name, JSON.stringify(body))
            }
            for (const name of before.keys()) if (!state[of].has(name)) remove.run(kind, name)
          }
          for (const id of forgotten) remove.run('silence', id)
          for (const notice of notices) say.run(JSON.stringify(notice))
        })
      }
      kept = state
    },
    waiting: () =>
      database
        .prepare('SELECT sequence, body FROM notices ORDER BY sequence')
        .all()
        .map((row) => {
          const { sequence, body } = noticeRow.parse(row)
          return { sequence, notice: noticeSchema.parse(JSON.parse(body)) }
        }),
    handedOver: (sequence) => {
      taken.run(sequence)
    },
    [Symbol.dispose]: () => database.close(),
  }
}

const noticeRow = z.object({ sequence: z.number(), body: z.string() })
const memoryRow = z.object({ name: z.string(), body: z.string() })

const noticeSchema = z.strictObject({
  group: z.string(),
  channel: z.string(),
  alerts: z.array(
    z
      .strictObject({
        id: z.string(),
        alert: z.string(),
        labels: z.record(z.string(), z.string()),
        severity: alertSeverity,
        status: z.enum(['firing', 'resolved']),
        startedAtMs: z.number(),
        endedAtMs: z.number().optional(),
        summary: z.string(),
        runbook: z.string().optional(),
        // JSON writes what is no number as null.
        value: z.number().nullable(),
      })
      .transform(({ runbook, endedAtMs, value, ...rest }) => ({
        ...rest,
        runbook,
        endedAtMs,
        value: value ?? Number.NaN,
      })),
  ),
  status: z.enum(['firing', 'resolved']),
  atMs: z.number(),
})

function readMemory<T>(database: DatabaseSync, kind: string, as: z.ZodType<T>): Map<string, T> {
  const rows = database.prepare('SELECT name, body FROM memory WHERE kind = ? ORDER BY name').all(kind)
  return new Map(
    rows.map((row) => {
      const { name, body } = memoryRow.parse(row)
      return [name, as.parse(JSON.parse(body))]
    }),
  )
}

function sameMembers(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  return a.size === b.size && [...a].every(([name, body]) => b.get(name) === body)
}

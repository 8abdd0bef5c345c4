import { messageOf } from '../../errors.ts'
import type { EvidenceStep } from '../../ledger/evidence.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import { howToOffer, missingExtension } from '../../postgres/migrations/missing-extension.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import type { BlockingLock } from './blocking-locks.ts'
import { isBroken, migrationMutants } from './faults.ts'
import { NotApplied, type Rehearsal, rehearse } from './rehearse.ts'
import { squawk } from './squawk.ts'

/** Rows a table is filled to. */
const rowsOf = { full: 20_000, fast: 1_000 } as const

/** Whether every migration applies, from empty and over data, and how long it keeps others waiting. */
export const migrationProver: Prover = {
  kind: 'migration',
  needsExercise: false,
  isLong: () => true,
  accepts: ({ id }) => id === 'migration/database/applies',
  async *prove(guarantees, session) {
    for (const guarantee of guarantees) yield await prove(guarantee, session)
  },
  mutants: migrationMutants,
}

async function prove(guarantee: Guarantee, session: ProofSession): Promise<Finding> {
  const { clock } = session
  const startedAt = clock.now()
  const steps = session.steps(guarantee.id)
  const common = () => ({ guarantee, startedAt, tookMs: clock.now() - startedAt })
  const rows = rowsOf[session.effort.name]
  try {
    const rehearsal = await rehearse(session, rows, steps)
    const said = await toldBySquawk(rehearsal)
    const { refused } = rehearsal
    const limitMs = guarantee.target.op === 'holds' ? 0 : guarantee.target.value
    const [longest] = rehearsal.locks
    const declaredBytes = session.system.plan.database?.size ?? rehearsal.bytes
    return {
      ...common(),
      outcome: 'measured',
      measured: longest === undefined ? 0 : durationOf(longest),
      sample: { size: rehearsal.migrations.length, of: `migrations, over up to ${rows} rows a table` },
      scale: { measuredBytes: rehearsal.bytes, declaredBytes },
      steps: [...steps.done(), ...told(rehearsal, limitMs), ...said],
      reason: reasonOf(rehearsal, limitMs),
      broken: refused.length === 0 ? undefined : `Over data: ${refused.map(({ says }) => says).join('; ')}`,
      remedy: remedyOf(rehearsal, limitMs),
    }
  } catch (error) {
    session.signal.throwIfAborted()
    const missing = missingExtension(error)
    if (missing !== undefined)
      return {
        ...common(),
        outcome: 'inconclusive',
        steps: steps.done(),
        reason: `The server does not offer ${missing}, so that the migrations cannot be tried on it`,
        remedy: howToOffer(missing),
      }
    const failed = error instanceof NotApplied
    return {
      ...common(),
      outcome: failed ? 'failed' : 'inconclusive',
      steps: steps.done(),
      reason: failed ? error.message : `The migrations could not be tried: ${messageOf(error)}`,
      remedy: failed
        ? 'Mend the file where no database has it yet; else write a further migration before it'
        : 'Look at what the server said, and prove again',
    }
  }
}

const durationOf = ({ from, until }: BlockingLock) => until - from

function describe(lock: BlockingLock): string {
  const who = lock.readers ? 'readers and writers' : 'writers'
  return `${durationOf(lock)} ms ${lock.mode} on ${lock.table}, ${who} wait, in ${lock.migration}:${lock.line} (${lock.statement})`
}

function reasonOf({ locks, migrations, workload }: Rehearsal, limitMs: number): string {
  const over = locks.filter((lock) => durationOf(lock) > limitMs)
  if (over.length > 0) return over.slice(0, 3).map(describe).join('; ')
  const [longest] = locks
  const block = longest === undefined ? 'none locked a table that held data' : `the longest block: ${describe(longest)}`
  return `${migrations.length} files apply from empty and over data; ${block}; of ${workload.writes} writes meanwhile one waited ${workload.longestMs} ms`
}

function remedyOf({ locks, refused }: Rehearsal, limitMs: number): string {
  if (refused.length > 0)
    return 'Add what rows need in steps: without NOT NULL first, then the values, then the constraint; or say in database.migrations.withoutData why the tables held nothing'
  const [longest] = locks
  if (longest === undefined || durationOf(longest) <= limitMs) return 'Prove it again'
  return longest.mode === 'SHARE'
    ? 'Build the index with CREATE INDEX CONCURRENTLY, in a file of its own'
    : 'Do it in steps that each hold the lock shortly: add without a default and fill later, add NOT VALID and validate after'
}

/** What would block, what was not filled, and what the ways back left: all of it stays with the evidence. */
function told(
  { locks, filling, refused, reverted, withoutData, workload }: Rehearsal,
  limitMs: number,
): EvidenceStep[] {
  const step = (name: string, outcome: EvidenceStep['outcome'], detail: string): EvidenceStep => ({
    name,
    outcome,
    tookMs: 0,
    detail,
  })
  return [
    ...locks
      .slice(0, 20)
      .map((lock) =>
        step(`lock: ${lock.migration}:${lock.line}`, durationOf(lock) > limitMs ? 'failed' : 'done', describe(lock)),
      ),
    step(
      'longest wait of a writer',
      'done',
      `${workload.longestMs} ms${workload.table === undefined ? '' : ` on ${workload.table}`}`,
    ),
    ...refused.map(({ migration, says }) => step(`refused over data: ${migration}`, 'failed', says)),
    ...withoutData.map(({ migration, reason }) => step(`without data: ${migration}`, 'skipped', reason)),
    ...reverted.map(({ migration, differences }) =>
      step(
        `way back of ${migration}`,
        differences.length === 0 ? 'done' : 'skipped',
        differences.length === 0 ? 'the schema is as it was before; applied again' : differences.slice(0, 5).join('; '),
      ),
    ),
    ...filling.short.map(({ table, rows, why }) => step(`table ${table}`, 'skipped', `${rows} rows only: ${why}`)),
  ]
}

async function toldBySquawk({ migrations }: Rehearsal): Promise<EvidenceStep[]> {
  const result = await squawk(migrations.filter((migration) => !isBroken(migration)))
  if ('unavailable' in result)
    return [{ name: 'squawk', outcome: 'skipped', tookMs: 0, detail: `It could not be run: ${result.unavailable}` }]
  return result.warnings.length === 0
    ? [{ name: 'squawk', outcome: 'done', tookMs: 0, detail: 'No rule about blocking speaks up' }]
    : result.warnings.map(({ migration, line, rule, message }) => ({
        name: `squawk: ${rule}`,
        outcome: 'done',
        tookMs: 0,
        detail: `${migration}:${line} ${message}`,
      }))
}

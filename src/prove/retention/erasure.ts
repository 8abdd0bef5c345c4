import { join } from 'node:path'
import { escapeIdentifier } from 'pg'
import { z } from 'zod'
import { withClient } from '../../postgres/connection.ts'
import { seededRandom } from '../../random.ts'
import { countErasure, eraseSubject } from '../../recovery/erasures/erase.ts'
import type { ErasedRows } from '../../recovery/erasures/run-erasure.ts'
import { type ErasureRule, isSubject } from '../../recovery/erasures/subject.ts'
import { extractRows, type Subject } from '../../recovery/extract/extract-rows.ts'
import { layout } from '../../recovery/repository/layout.ts'
import { withRestoredBeside } from '../../recovery/restore/restored-beside.ts'
import { startLoad, untilWrites } from '../load.ts'
import type { ProofSession } from '../prover.ts'
import { type Site, siteOf } from '../recovery/site.ts'

/** What became of one erasure. */
export interface ErasureTrial {
  /** Each a sentence: what came back, what stayed, who else was touched. Names nobody. */
  violations: string[]
  /** Rows the subject had, before it was erased. */
  rows: number
  /** Others whose rows were compared. */
  others: number
}

/** No subject whose erasure could be tried: nothing was found out. */
export class NobodyToErase extends Error {}

const writes = 12
const mostOthers = 5
const keptWithinMs = 60_000

/** Own rows of somebody: of each table how many, and a checksum over them. */
type Rows = ReadonlyMap<string, { rows: number; checksum: string }>

/**
 * Erases somebody who has just come to the system, restores a moment at which everything of them was still there, and compares: they must be as
 * they are after the erasure, everybody else as they were before it.
 * @throws NobodyToErase, errors of the site, of the erasure and of the restore.
 */
export async function tryErasure(session: ProofSession, name: string, rule: ErasureRule): Promise<ErasureTrial> {
  const steps = session.steps(`retention/erasure:${name}`)
  const { clock, system } = session
  const { recovery } = system.plan
  const site = await siteOf(session)
  const { environment, repository } = site
  const url = environment.server.url({ database: environment.database.name })
  const { ownerUrl } = environment.database
  const { subject, others } = await steps.do(
    'people come who nobody knew',
    () => newcomers(session, site, name, rule),
    ({ others }) => `one to be erased, ${others.length} to stay`,
  )
  const all = [subject, ...others]

  const counted = await steps.do(
    'counted with the statements of the plan',
    async () => (await countErasure({ ownerUrl, name, rule, subject: subject.value })).rows,
    describeCount,
  )
  const before = await Promise.all(all.map((each) => rowsOf(url, each)))
  const rows = sum(before[0])
  if (rows === 0 || counted.every((each) => each.rows === 0))
    throw new NobodyToErase('The subject has no rows to erase')

  const archive = await site.archive()
  // What is restored to compares the times of commits: the moment must lie clear of those on either side.
  await clock.sleep(50)
  const moment = clock.now()
  await clock.sleep(50)
  const erased = await steps.do('erased', () =>
    eraseSubject({ repository, ownerUrl, clock, name, rule, subject: subject.value }),
  )
  const after = await rowsOf(url, subject)
  if (same(before[0], after)) throw new NobodyToErase('The erasure changed nothing that belongs to the subject')
  const mark = await archive.heartbeat()
  await archive.waitUntilStored(mark.lsn, keptWithinMs)
  if (session.faults.has('erasure-not-repeated')) {
    for (const state of ['asked', 'done'] as const) await repository.store.delete(layout.erasure(erased.id, state))
  }

  const violations = deletesOf((await countErasure({ ownerUrl, name, rule, subject: subject.value })).rows)
    .filter((each) => each.rows > 0)
    .map((each) => `${each.rows} rows were still there after the erasure`)
  await steps.do('restored to the moment before, beside', () =>
    withRestoredBeside(
      {
        repository,
        directory: join(session.scratch.directory, 'erased'),
        at: moment,
        upTo: mark.lsn,
        binaries: environment.binaries,
        clock,
        database: environment.database.name,
        owner: environment.database.owner,
        erasures: recovery.erasures,
        signal: session.signal,
      },
      async (copy) => {
        const ask = { ownerUrl: copy.url, name, rule, subject: subject.value }
        const back = await steps.do(
          'counted again in the copy',
          async () => (await countErasure(ask)).rows,
          describeCount,
        )
        for (const each of deletesOf(back)) {
          if (each.rows > 0) violations.push(`The restore brought ${each.rows} erased rows back`)
        }
        if (!same(after, await rowsOf(copy.url, subject))) {
          violations.push('The restore brought back what had been erased: the rows are not as the erasure left them')
        }
        for (const [index, other] of others.entries()) {
          if (!same(before[index + 1], await rowsOf(copy.url, other)))
            violations.push('Rows of somebody else are not as they were')
        }
      },
    ),
  )
  return { violations, rows, others: others.length }

  async function rowsOf(of: string, who: Subject): Promise<Rows> {
    return extractRows(
      { url: of, selection: { kind: 'subject', subject: who }, signal: session.signal },
      async ({ tables }) =>
        new Map(
          tables
            .filter(({ own }) => own > 0)
            .map(({ table, rows: count, checksum }) => [table.sql, { rows: count, checksum }]),
        ),
    )
  }
}

/** Real clients of their own, so that nobody is erased whose writes another proof asks for. */
async function newcomers(
  session: ProofSession,
  site: Site,
  name: string,
  rule: ErasureRule,
): Promise<{ subject: Subject; others: Subject[] }> {
  const { exercise, clock, system } = session
  const where = system.plan.recovery.subjects[name]
  if (!where) throw new NobodyToErase(`The plan has no recovery.subjects.${name}: nobody knows whose rows they are`)
  const { environment } = site
  const url = environment.server.url({ database: environment.database.name })
  const known = new Set(await values(url, where))
  const actors = await exercise.actors(session.seed + 1, 3)
  const load = startLoad({ exercise, actors, random: seededRandom(session.seed).fork('erasure'), clock })
  try {
    await untilWrites(load, writes, clock, keptWithinMs)
  } finally {
    await load.stop()
  }
  const tenant = system.plan.database?.rowSecurity?.tenant
  const asSubject = (value: string): Subject => ({ ...where, value, ...(tenant === undefined ? {} : { tenant }) })
  const preferred = actors.map((actor) => exercise.tenantOf?.(actor))
  const fresh = (await values(url, where))
    .filter((value) => !known.has(value) && isSubject(rule.parameter, value))
    .sort((a, b) => Number(preferred.includes(b)) - Number(preferred.includes(a)))
  const [value, ...rest] = fresh
  if (value === undefined) throw new NobodyToErase(`Nobody who came with the exercise is in ${where.table}`)
  if (rest.length === 0) throw new NobodyToErase('Only one came: whether others are left alone cannot be seen')
  return { subject: asSubject(value), others: rest.slice(0, mostOthers).map(asSubject) }
}

async function values(url: string, { table, column }: { table: string; column: string }): Promise<string[]> {
  const place = table.split('.').map(escapeIdentifier).join('.')
  return withClient(url, async (client) => {
    const { rows } = await client.query(`SELECT DISTINCT ${escapeIdentifier(column)}::text AS value FROM ${place}
      WHERE ${escapeIdentifier(column)} IS NOT NULL`)
    return z
      .array(z.object({ value: z.string() }))
      .parse(rows)
      .map(({ value }) => value)
  })
}

/** An erasure may as well blank what it leaves; such statements find their rows every time. */
function deletesOf(counted: readonly ErasedRows[]): ErasedRows[] {
  return counted.filter(({ statement }) => /^\s*delete\b/i.test(statement))
}

function describeCount(counted: readonly ErasedRows[]): string {
  return `${counted.reduce((total, each) => total + each.rows, 0)} rows`
}

function sum(rows: Rows | undefined): number {
  return [...(rows?.values() ?? [])].reduce((total, each) => total + each.rows, 0)
}

function same(a: Rows | undefined, b: Rows): boolean {
  return (
    a?.size === b.size &&
    [...b].every(([table, { rows, checksum }]) => {
      const found = a.get(table)
      return found?.rows === rows && found.checksum === checksum
    })
  )
}

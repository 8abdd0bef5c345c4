import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { isInRecovery } from '../../postgres/owned-server.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { formatLsn } from '../wal/lsn.ts'
import { parseHistory } from '../wal/timeline-history.ts'
import { fencePrimary } from './fence-primary.ts'
import { type Loss, type Pair, readPair, writePair } from './pair.ts'
import { isReleased } from './released.ts'
import { standbySide } from './standby-status.ts'
import { describeLoss, lossOf, unreceivedWal } from './unreceived.ts'

/** In this order. A crash before or after any of them is taken up by the next call. */
export type PromotionStep = 'lag' | 'down' | 'begin' | 'fence' | 'promote' | 'settle' | 'record'

export interface PromotionOptions {
  pairFile: string
  clock: Clock
  /** Runs, following or promoted already. */
  standby: OwnedServer
  /** The old primary, when this process runs it. */
  primary: OwnedServer | undefined
  /** The primary still answers and is to be replaced on purpose: it is shut down first, which hands over all it has. */
  planned?: boolean
  /** Promotes whatever is lost by it. */
  force?: boolean
  /** Longest stretch of commits, in milliseconds, that may be given up without force; 0 unless told. */
  maximumLagMs?: number
  /** What the plan wants run when acknowledged writes were lost, as after a restore; must bear to run twice. */
  afterLoss?(server: OwnedServer): Promise<void>
  /** Called before each step. */
  onStep?(step: PromotionStep): void | Promise<void>
}

export interface StepTaken<Name extends string> {
  step: Name
  tookMs: number
  /** What was seen or done, in a sentence. */
  seen: string
}

export interface Promotion {
  generation: number
  loss: Loss
  timeline: number
  /** Where the new timeline leaves the old one. */
  branch: string | undefined
  steps: StepTaken<PromotionStep>[]
}

/**
 * Makes the standby the primary: confirms how far behind it is and that the primary is down, writes the intent down, fences
 * the old primary, promotes, runs what a loss asks for, and records the new generation. The fence comes before the promotion,
 * so that at no moment two servers take writes.
 * @throws STANDBY_ABSENT, STANDBY_NOT_READY, STANDBY_BEHIND (nothing was changed), STANDBY_PRIMARY_ANSWERS (likewise),
 * POSTGRES_NOT_WRITABLE and errors of the fence, after which the call can be repeated.
 */
export async function promoteStandby(options: PromotionOptions): Promise<Promotion> {
  const { pairFile, clock, standby, onStep } = options
  let pair = await requirePair(pairFile)
  const steps: StepTaken<PromotionStep>[] = []
  const take = async (step: PromotionStep, work: () => Promise<string>) => {
    await onStep?.(step)
    const began = clock.now()
    const seen = await work()
    steps.push({ step, tookMs: clock.now() - began, seen })
  }
  if (pair.promotion === undefined) {
    if (pair.state !== 'following') throw failure('STANDBY_NOT_READY', { state: pair.state })
    let loss: Loss = { kind: 'none', because: 'received' }
    // Judged before the primary is touched: a refusal must leave everything as it was.
    if (!options.planned) {
      await take('lag', async () => {
        loss = await measureLoss(pair, options)
        if (!options.force && !tolerable(loss, options)) throw failure('STANDBY_BEHIND', { loss: describeLoss(loss) })
        return describeLoss(loss)
      })
    }
    await take('down', () => confirmDown(options))
    await take('begin', async () => {
      pair = { ...pair, promotion: { loss, forced: options.force === true, at: clock.now() } }
      await writePair(pairFile, pair)
      return 'the promotion is written down; it is carried on after a crash'
    })
  }
  const begun = pair.promotion
  if (begun === undefined) throw failure('UNEXPECTED', { problem: 'a promotion lost its own intent' })
  const generation = pair.generation + 1
  let { loss } = begun

  await take('fence', async () => {
    await fencePrimary({
      dataDirectory: pair.primary,
      server: options.primary,
      generation,
      successor: pair.standby,
      clock,
    })
    // Only now nothing can be added to it any more. Once promoted, the standby no longer says where it had stopped.
    if (await isInRecovery(standby.url())) {
      loss = await measureLoss(pair, options)
      pair = { ...pair, promotion: { ...begun, loss } }
      await writePair(pairFile, pair)
    }
    return `the old primary is ended and marked: ${describeLoss(loss)}`
  })
  await take('promote', async () => {
    if (await isInRecovery(standby.url())) {
      await withClient(standby.url(), (client) => client.query('SELECT pg_promote(true, 60)'))
    }
    await standby.waitUntilWritable(60_000)
    return 'the standby takes writes'
  })
  await take('settle', async () => {
    if (loss.kind === 'none') return 'nothing was lost, so that there is nothing to settle'
    await options.afterLoss?.(standby)
    return 'what the plan wants run after a restore was run'
  })
  const line = await lineOf(standby)
  await take('record', async () => {
    const { promotion: _, ...rest } = pair
    await writePair(pairFile, {
      ...rest,
      generation,
      primary: pair.standby,
      standby: pair.primary,
      state: 'fenced',
    })
    return `generation ${generation}, timeline ${line.timeline}`
  })
  return { generation, loss, ...line, steps }
}

export async function requirePair(pairFile: string): Promise<Pair> {
  const pair = await readPair(pairFile)
  if (pair === undefined) throw failure('STANDBY_ABSENT', { file: pairFile })
  return pair
}

/** What the standby lacks of acknowledged writes, read from the old primary's own disk where that can be done. */
async function measureLoss(
  pair: Pair,
  { pairFile, standby }: Pick<PromotionOptions, 'pairFile' | 'standby'>,
): Promise<Loss> {
  const released = await isReleased(pairFile, pair.generation)
  if (pair.synchronous && !released) return { kind: 'none', because: 'synchronous' }
  const side = await standbySide(standby)
  if (!existsSync(join(pair.primary, 'pg_wal'))) return { kind: 'unknown', after: side.lastCommit ?? null }
  const segmentBytes = await walSegmentBytes(standby)
  return lossOf(await unreceivedWal(pair.primary, side.timeline, side.received, segmentBytes))
}

function tolerable(loss: Loss, { maximumLagMs = 0, clock }: PromotionOptions): boolean {
  if (loss.kind === 'none') return true
  if (loss.kind === 'unknown') return loss.after !== null && clock.now() - loss.after <= maximumLagMs
  // One lost transaction is a stretch as well.
  const stretch = (loss.lastAt ?? 0) - (loss.firstAt ?? 0)
  return maximumLagMs > 0 && stretch <= maximumLagMs
}

/** How long a primary may take to answer before it counts as down; a machine under load answers in milliseconds. */
const answerMs = 3_000

async function confirmDown({ primary, planned, clock }: PromotionOptions): Promise<string> {
  if (primary === undefined) return 'nothing here runs the primary'
  if (!primary.running()) return 'the process of the primary has ended'
  const patience = new AbortController()
  const answer = withClient(primary.url(), (client) => client.query('SELECT 1')).then(
    () => true,
    () => false,
  )
  const answers = await Promise.race([answer, clock.sleep(answerMs, patience.signal).then(() => false)])
  patience.abort()
  if (!answers) return `its process runs, but it did not answer for ${answerMs / 1000} s`
  if (!planned) throw failure('STANDBY_PRIMARY_ANSWERS', {})
  // Before it ends it sends its standby everything, and waits until that has arrived.
  await primary.stop('fast')
  return 'it was shut down on purpose, after it had sent all it had'
}

async function lineOf(server: OwnedServer): Promise<{ timeline: number; branch: string | undefined }> {
  return withClient(server.url(), async (client) => {
    const { rows } = await client.query('SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline')
    const name = z.object({ timeline: z.string() }).parse(rows[0]).timeline
    const { rows: files } = await client.query('SELECT pg_read_file($1, 0, 1000000, true) AS text', [
      `pg_wal/${name}.history`,
    ])
    const { text } = z.object({ text: z.string().nullable() }).parse(files[0])
    const branch = text === null ? undefined : parseHistory(text).at(-1)?.end
    return {
      timeline: Number.parseInt(name, 16),
      branch: branch === undefined ? undefined : formatLsn(branch),
    }
  })
}

export async function walSegmentBytes(server: OwnedServer): Promise<number> {
  return withClient(server.url(), async (client) => {
    const { rows } = await client.query("SELECT setting::int AS bytes FROM pg_settings WHERE name = 'wal_segment_size'")
    return z.object({ bytes: z.int().positive() }).parse(rows[0]).bytes
  })
}

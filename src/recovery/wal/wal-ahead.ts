import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { AvalError, failure } from '../../errors.ts'
import type { Account } from '../../postgres/account.ts'
import { isErrno, syncDirectory, writeOwned } from '../durable.ts'
import { layout } from '../repository/layout.ts'
import type { Repository } from '../repository/repository.ts'
import type { RestorePoint } from '../restore/restore-point.ts'
import { writeHistories, writeSegment } from '../restore/restore-wal.ts'
import { markReading } from '../retention/reading-mark.ts'
import { formatLsn, parseLsn, parseSegmentName, segmentName } from './lsn.ts'
import { segmentNow } from './stored-segment.ts'
import { coveredBytes, type StoredSegment } from './wal-inventory.ts'

/*
 * WAL that is fetched while recovery runs. A folder beside the data directory holds the next segments, each opened and checked
 * as a whole before it gets its name. Recovery takes a segment out by renaming it, which makes room for another.
 *
 *   coming       names and lengths of all segments recovery will read; what is not among them does not exist
 *   <segment>    ready
 *   <segment>.wanted   recovery waits for it
 *   stopped      none will come any more: recovery must end instead of taking this for the end of the WAL
 */

const comingFile = 'coming'
/** What the restore reads, to keep others from removing it. */
const readsFile = 'reads.json'
const readsSchema = z.strictObject({
  backup: z.string(),
  from: z.string().transform(parseLsn),
  to: z.string().transform(parseLsn),
  /** Of the mark that was left when the restore ended. */
  mark: z.string().startsWith(layout.readings).optional(),
})
const stoppedFile = 'stopped'
const wantedSuffix = '.wanted'
/** Somebody began to supply: what lies ready may be from a process that was killed together with its machine. */
const suppliedFile = 'supplied'

const unreadable: ReadonlySet<string> = new Set(['OBJECT_DAMAGED', 'OBJECT_MISSING', 'OBJECT_OTHER_KEY'])

/** Segments ready at once: bounds the disk. */
export const segmentsAhead = 12
/** Segments opened at once: bounds the memory. */
const lanes = 2
const lookEveryMs = 15
/** How long a store that fails is asked again before recovery is given up. */
const storePatienceMs = 300_000

/**
 * Prepares the folder: the list of what recovery will read, the histories, and the first segments. Leaves a mark in the repository that the rest
 * is still to be read, which stands until `supplyWal` has it taken away, or a day.
 * @throws BACKUP_UNKNOWN, OBJECT_DAMAGED, OBJECT_MISSING, or the signal's reason.
 */
export async function prepareWalAhead(options: {
  repository: Repository
  clock: Clock
  point: RestorePoint
  directory: string
  account: Account | undefined
  signal?: AbortSignal
}): Promise<void> {
  const { repository, point, directory, account, signal } = options
  const { walSegmentBytes } = point.backup
  const lines = point.segments.map((stored) => {
    const name = segmentName(stored.segment, walSegmentBytes)
    return `${name} ${coveredBytes(stored, walSegmentBytes)} ${walSegmentBytes}\n`
  })
  for (const stored of point.segments.slice(0, segmentsAhead)) {
    signal?.throwIfAborted()
    const file = join(directory, segmentName(stored.segment, walSegmentBytes))
    await writeSegment(file, { repository, stored, segmentBytes: walSegmentBytes, account })
  }
  await writeHistories(point, directory, account)
  const span = { backup: point.backup.id, from: parseLsn(point.backup.startLsn), to: point.end }
  const mark = await markReading(repository, options.clock, span)
  await mark.leave()
  const reads = {
    backup: point.backup.id,
    from: point.backup.startLsn,
    to: formatLsn(point.end),
    mark: mark.key,
  } satisfies z.input<typeof readsSchema>
  await writeOwned(join(directory, readsFile), JSON.stringify(reads), account)
  await writeOwned(join(directory, comingFile), lines.join(''), account)
  if (account) await chown(directory, account.uid, account.gid)
  await syncDirectory(directory)
}

/** Takes away the mark of a restore that came to nothing, so that what it read is not kept for its sake. */
export async function releaseWalAhead(repository: Repository, directory: string): Promise<void> {
  const text = await readFile(join(directory, readsFile), 'utf8').catch(() => undefined)
  const { mark } = text === undefined ? {} : readsSchema.parse(JSON.parse(text))
  if (mark !== undefined) await repository.store.delete(mark).catch(() => undefined)
}

/**
 * How Postgres asks for a file, in the language of the shell: take it when it is ready; say that there is none when it is not
 * coming, or when recovery was broken off and has it already; else ask for it and wait. It ends with a code above 125, on which
 * Postgres ends recovery, when none will come or when whoever called it is gone.
 */
export function aheadCommand(directory: string): string {
  const folder = `'${directory.replaceAll('%', '%%').replaceAll("'", `'\\''`)}'`
  const wait = `until test -f "$f"; do test ! -f "$d/${stoppedFile}" && kill -0 $PPID 2>/dev/null || exit 200; sleep 0.02; done`
  return [
    `d=${folder}; f="$d/%f"`,
    `if test ! -f "$f"; then test ! -f "pg_wal/%f" || exit 1; grep -q "^%f " "$d/${comingFile}" || exit 1; : > "$f${wantedSuffix}"; ${wait}; rm -f "$f${wantedSuffix}"; fi`,
    `case "%f" in *.history) cp "$f" "%p";; *) mv "$f" "%p";; esac`,
  ].join('; ')
}

/** Whether the WAL of a restored directory is still to be fetched while it recovers. */
export async function hasWalAhead(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch((error: unknown): string[] => {
    if (isErrno(error, 'ENOENT')) return []
    throw error
  })
  return names.includes(comingFile)
}

export interface WalSupply {
  /** Why no more will come; undefined while all is well. */
  failed(): unknown
  /** Ends the supply. Recovery that still asks is ended as well. The mark of what is read stands, since the call may be repeated. */
  stop(): Promise<void>
  /** Nothing is read any more: takes the mark away. */
  release(): Promise<void>
}

interface Coming {
  name: string
  stored: () => Promise<StoredSegment>
  segmentBytes: number
}

/**
 * Keeps the folder filled in front of a recovery that is about to start. What lies there from a supply that was killed is not
 * trusted: it is fetched again.
 */
export async function supplyWal(options: {
  repository: Repository
  directory: string
  dataDirectory: string
  account: Account | undefined
  clock: Clock
}): Promise<WalSupply> {
  const { repository, directory, account } = options
  const reads = readsSchema.parse(JSON.parse(await readFile(join(directory, readsFile), 'utf8')))
  const mark = await markReading(repository, options.clock, reads, reads.mark)
  const coming = parseComing(repository, await readFile(join(directory, comingFile), 'utf8'))
  const indexOf = new Map(coming.map(({ name }, index) => [name, index]))
  const resumed = await clearUntrusted(directory, indexOf)
  const applied = await readdir(join(options.dataDirectory, 'pg_wal')).catch((): string[] => [])
  // Behind what is ready, and where recovery was broken off; should it begin earlier, it asks.
  let next = Math.max(0, ...[...applied, ...resumed].map((name) => (indexOf.get(name) ?? -1) + 1))
  let ready = resumed.length
  let brought = 0
  let wanted: number | undefined
  const flying = new Set<number>()
  const stopping = new AbortController()
  const stopped = () => stopping.signal.aborted
  let failed: { error: unknown } | undefined

  const look = async () => {
    const before = brought
    const names = await readdir(directory)
    // What came while they were listed may be missing from the list, and would be counted too low or fetched again: the next one has it.
    if (brought !== before) return
    ready = names.filter((name) => indexOf.has(name)).length
    wanted = names
      .filter((name) => name.endsWith(wantedSuffix) && !names.includes(name.slice(0, -wantedSuffix.length)))
      .map((name) => indexOf.get(name.slice(0, -wantedSuffix.length)))
      .find((index) => index !== undefined && !flying.has(index))
  }
  const choose = (): number | undefined => {
    if (wanted !== undefined && !flying.has(wanted)) {
      const index = wanted
      wanted = undefined
      next = Math.max(next, index + 1)
      return index
    }
    return next < coming.length && ready + flying.size < segmentsAhead ? next++ : undefined
  }
  const bring = async ({ name, stored, segmentBytes }: Coming) => {
    const beside = join(directory, `${name}.opening`)
    const write = async () => {
      const now = await stored()
      await rm(beside, { force: true })
      await writeSegment(beside, { repository, stored: now, segmentBytes, account })
    }
    await insistently(write, stopping.signal)
    await rename(beside, join(directory, name))
    ready += 1
    brought += 1
  }
  const fail = async (error: unknown) => {
    if (stopped()) return
    failed ??= { error }
    stopping.abort()
    await writeFile(join(directory, stoppedFile), '')
  }
  const lane = async () => {
    while (!stopped()) {
      const index = choose()
      const segment = index === undefined ? undefined : coming[index]
      if (index === undefined || !segment) {
        await pause(lookEveryMs)
        continue
      }
      flying.add(index)
      await bring(segment)
        .catch(fail)
        .finally(() => flying.delete(index))
    }
  }
  const watch = async () => {
    while (!stopped()) {
      await look().catch(fail)
      await pause(lookEveryMs)
    }
  }
  const work = Promise.all([watch(), ...Array.from({ length: lanes }, lane)])
  return {
    failed: () => failed?.error,
    stop: async () => {
      stopping.abort()
      await work
      await writeFile(join(directory, stoppedFile), '').catch(() => undefined)
      await mark.leave()
    },
    release: async () => mark[Symbol.asyncDispose](),
  }
}

function parseComing(repository: Repository, text: string): Coming[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', covered, bytes] = line.split(' ')
      const segmentBytes = Number(bytes)
      const segment = parseSegmentName(name, segmentBytes)
      if (!segment || !Number.isInteger(Number(covered))) {
        throw failure('UNEXPECTED', { problem: `the list of coming WAL holds "${name}"` })
      }
      const stored = async () => {
        const now = await segmentNow(repository, segment, segmentBytes)
        if (coveredBytes(now, segmentBytes) >= Number(covered)) return now
        throw failure('OBJECT_MISSING', { object: `WAL segment ${name}`, place: repository.store.place })
      }
      return { name, stored, segmentBytes }
    })
}

/** @returns the segments that are ready. */
async function clearUntrusted(directory: string, indexOf: ReadonlyMap<string, number>): Promise<string[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const names = await readdir(directory)
  // Left by `prepareWalAhead`, synced and whole; whoever supplied after it noted that it began.
  const first = !names.includes(suppliedFile)
  for (const name of names) {
    const mine = /\.(wanted|opening)$/.test(name) || name === stoppedFile
    if (mine || (!first && indexOf.has(name))) await rm(join(directory, name), { force: true })
  }
  await writeFile(join(directory, suppliedFile), '')
  return first ? names.filter((name) => indexOf.has(name)) : []
}

/** A store out of reach is waited for; an object that is damaged or gone is not. */
async function insistently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const began = performance.now()
  for (let wait = 200; ; wait = Math.min(2 * wait, 5_000)) {
    try {
      return await work()
    } catch (error) {
      const final = error instanceof AvalError && unreadable.has(error.code)
      if (final || signal.aborted || performance.now() - began > storePatienceMs) throw error
      await pause(wait)
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

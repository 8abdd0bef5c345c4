import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { type Clock, timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { clearLeftover, killServer } from '../postgres/leftover.ts'
import { claim } from '../postgres/owner.ts'
import { reachable } from '../postgres/place.ts'
import { isErrno, syncDirectory, writeReplaced } from '../recovery/durable.ts'
import { pendingRestore } from '../recovery/restore/pending-restore.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { clearReleased } from '../recovery/standby/released.ts'
import { pairFile } from './pair-file.ts'

/*
 * Puts a restored data directory in the place of the lost one. Every move is decided and written down before the first is made; each
 * may be made again, so that a crash between any two is taken up by whoever comes next. Nothing is removed: what lay there goes aside.
 */

const noteSchema = z.strictObject({
  at: z.number(),
  /** Where the system finds its data from now on. */
  dataDirectory: z.string(),
  /** Directories put aside, under their new names. */
  aside: z.array(z.string()),
  /** A pair of primary and standby is dissolved: neither goes with the restored state. */
  dissolved: z.boolean(),
  moves: z.array(z.strictObject({ from: z.string(), to: z.string() })),
})

const noteFile = (directory: string) => join(directory, 'placing.json')

/** What was put where. */
export type Placed = Pick<z.infer<typeof noteSchema>, 'dataDirectory' | 'aside' | 'dissolved'>

/** What lies beside a data directory under its name and belongs to it. */
const belongings = ['', '.secret', '.passfile', '.fenced', '.rewinding'] as const

/** A crash may come before any of these. */
export type PlacingStep = 'note' | 'move' | 'dissolve' | 'done'

export interface PlacingOptions {
  /** Of the environment, whose lock the caller holds. */
  directory: string
  clock: Clock
  /** Called before each step. */
  onStep?(step: PlacingStep): void | Promise<void>
}

/** Data directories of an environment: where the first one lies, and all that the pair knows. */
async function directoriesOf(directory: string): Promise<{ usual: string; all: string[]; paired: boolean }> {
  const usual = await reachable(join(directory, 'database'))
  const pair = await readPair(pairFile(directory))
  return {
    usual,
    all: [...new Set([usual, ...(pair ? [pair.primary, pair.standby] : [])])],
    paired: pair !== undefined,
  }
}

/**
 * Where a restore that is to be put in place is written: beside the data, so that putting it there is a rename. What an earlier call left unfinished there is
 * removed. A server that a killed `up` left on the data is ended.
 * @throws POSTGRES_IN_USE, POSTGRES_RUNNING_ELSEWHERE, STANDBY_STATE_UNREADABLE
 */
export async function prepareBeside({ directory, clock }: PlacingOptions): Promise<string> {
  const { usual, all } = await directoriesOf(directory)
  for (const each of all) await (await claimIdle(each, clock)).release()
  const beside = `${usual}.restored`
  await killServer(beside, clock)
  await mkdir(dirname(beside), { recursive: true })
  for (const name of await readdir(dirname(beside))) {
    if (name.startsWith(basename(beside))) await rm(join(dirname(beside), name), { recursive: true, force: true })
  }
  return beside
}

/** Where a directory that a restore takes the place of is kept, by the moment it was put aside. */
export const lostName = (directory: string, atMs: number): string =>
  `${directory}.lost-${timestamp(atMs).replace(/[-:.]/g, '')}`

/**
 * Puts what was restored and recovered beside in the place where `aval up` begins, and the lost directories aside as `<directory>.lost-<time>`. A standby
 * pair is dissolved: its standby holds what the restore leaves out.
 * @throws as `prepareBeside`, RESTORE_UNFINISHED; nothing was moved then.
 */
export async function placeRestored(restored: string, options: PlacingOptions): Promise<Placed> {
  const { directory, clock, onStep } = options
  await refusePending(restored)
  const { usual, all, paired } = await directoriesOf(directory)
  await using held = new AsyncDisposableStack()
  for (const each of all) {
    const ownership = await claimIdle(each, clock)
    held.defer(() => ownership.release())
  }
  const at = clock.now()
  const lost = (path: string) => lostName(path, at)
  const there = all.filter((each) => existsSync(each))
  const moves = all.flatMap((each) => movesOf(each, lost(each))).concat(movesOf(restored, usual))
  await onStep?.('note')
  const note = { at, dataDirectory: usual, aside: there.map(lost), dissolved: paired, moves }
  await writeReplaced(noteFile(directory), `${JSON.stringify(noteSchema.parse(note), null, 2)}\n`)
  return await carryOut(note, options)
}

function movesOf(from: string, to: string): { from: string; to: string }[] {
  return belongings
    .map((suffix) => ({ from: `${from}${suffix}`, to: `${to}${suffix}` }))
    .filter((move) => existsSync(move.from))
}

/** Takes up what a crash interrupted. @returns undefined when nothing was. */
export async function finishPlacing(options: PlacingOptions): Promise<Placed | undefined> {
  const file = noteFile(options.directory)
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined
    throw error
  })
  return text === undefined ? undefined : carryOut(noteSchema.parse(JSON.parse(text)), options)
}

async function carryOut(
  note: z.infer<typeof noteSchema>,
  { directory, onStep }: Pick<PlacingOptions, 'directory' | 'onStep'>,
): Promise<Placed> {
  for (const { from, to } of note.moves) {
    await onStep?.('move')
    // Where the goal is there it was reached before: what now lies at `from` is its successor.
    if (existsSync(to) || !existsSync(from)) continue
    await rename(from, to)
    await syncDirectory(dirname(to))
  }
  await onStep?.('dissolve')
  if (note.dissolved) {
    await rm(pairFile(directory), { force: true })
    await clearReleased(pairFile(directory))
    await syncDirectory(dirname(pairFile(directory)))
  }
  await onStep?.('done')
  await rm(noteFile(directory), { force: true })
  await syncDirectory(directory)
  const { dataDirectory, aside, dissolved } = note
  return { dataDirectory, aside, dissolved }
}

/** @throws RESTORE_UNFINISHED for a directory whose restore was not brought to its end. */
export async function refusePending(dataDirectory: string): Promise<void> {
  if (await pendingRestore(dataDirectory)) throw failure('RESTORE_UNFINISHED', { directory: dataDirectory })
}

/** Makes sure that nobody serves a directory, and that nobody of Aval begins to. */
async function claimIdle(dataDirectory: string, clock: Clock): Promise<{ release(): Promise<void> }> {
  await mkdir(dirname(dataDirectory), { recursive: true })
  const ownership = await claim(dataDirectory)
  try {
    await clearLeftover(dataDirectory, ownership.abandoned, clock)
    return ownership
  } catch (error) {
    await ownership.release()
    throw error
  }
}

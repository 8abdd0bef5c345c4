import { AvalError, messageOf } from '../../errors.ts'
import { withDependents } from '../backup/backup-chain.ts'
import type { BackupInfo } from '../backup/backup-info.ts'
import { backupInfoSchema } from '../backup/backup-info.ts'
import { parseManifest } from '../backup/backup-manifest.ts'
import { parseDumpKey } from '../logical/dump-layout.ts'
import { type InspectContents, verifyDumps } from '../logical/verify-dumps.ts'
import { keptMarkKey } from '../pgbackrest/kept-mark.ts'
import { concernsOnly, readRemoval, removedMeanwhile, unfinishedRemovals } from '../retention/verify-removal.ts'
import { formatLsn } from '../wal/lsn.ts'
import { readExactly, readSegment, segmentNow } from '../wal/stored-segment.ts'
import { coveredBytes, listHistories, listStoredWal, storedEnd } from '../wal/wal-inventory.ts'
import { readHead } from './head.ts'
import { layout, type ParsedKey, parseKey } from './layout.ts'
import { type Repository, readJson, readWhole } from './repository.ts'
import { readServerIdentity } from './server-identity.ts'
import { checkArchive } from './verify-archive.ts'
import type { VerifyProblem } from './verify-problem.ts'
import { findHoles } from './verify-wal.ts'

export interface VerifyReport {
  /**
   * Nothing is wrong. What a broken-off backup left does not count, since it was never one, nor does WAL that the server had removed
   * before it could be received: the repository lost nothing.
   */
  sound: boolean
  objects: number
  /** Bytes in the store. */
  bytes: number
  backups: { id: string; sound: boolean }[]
  problems: VerifyProblem[]
}

export interface VerifyOptions {
  onProgress?: (progress: { objects: number; key: string }) => void
  signal?: AbortSignal
  /** Looks deeper into dumps than whether their bytes are those that were stored. */
  inspectDump?: InspectContents
}

/**
 * Reads every object of a repository to its last byte: each must be genuine, every file of every backup must have the SHA-256 of its
 * manifest, and the WAL from each backup on must be there without a hole. Every problem is reported, none ends the work.
 */
export async function verifyRepository(repository: Repository, options: VerifyOptions = {}): Promise<VerifyReport> {
  const problems: VerifyProblem[] = []
  const add = (key: string, kind: VerifyProblem['kind'], says: string, backups: string[] = []) => {
    problems.push({ key, kind, says, backups })
  }
  /** Runs a check; what it throws about an object becomes a problem of that object. */
  const check = async <T>(
    key: string,
    means: string,
    backups: string[],
    work: () => Promise<T>,
  ): Promise<T | undefined> => {
    options.signal?.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      options.signal?.throwIfAborted()
      add(key, kindOf(error), `${messageOf(error)} ${means}`, backups)
      return undefined
    }
  }

  await check('repository', 'Nothing can be opened without it.', [], () => readWhole(repository, 'repository'))
  const identity = await check(layout.server, 'Whose history the WAL is cannot be told.', [], () =>
    readServerIdentity(repository),
  )
  const { keys, bytes } = await keysOf(repository)
  let read = 0
  const progress = (key: string) => options.onProgress?.({ objects: ++read, key })
  const dumps = await verifyDumps(repository, keys, { check, add, progress, inspect: options.inspectDump })
  if (!identity) {
    if (keys.some((key) => !ofOtherEngine(key) && !ofAnyEngine(key)) && problems.length === 0) {
      add(layout.server, 'missing', 'Whose history the WAL is cannot be told.')
    }
    const removal = await readRemoval(repository, keysByMeaning(keys), check)
    problems.push(...unfinishedRemovals(removal, [], undefined))
    return summarise(problems, keys.length, bytes, dumps)
  }

  const segmentBytes = identity.walSegmentBytes
  const parsed = new Map<string, ParsedKey>()
  for (const key of keys) {
    const what = parseKey(key, segmentBytes)
    if (what) parsed.set(key, what)
    else if (!ofOtherEngine(key)) add(key, 'unknown', 'No repository has an object of this name.')
  }

  const removal = await readRemoval(repository, parsed, check)
  const infos: BackupInfo[] = []
  for (const [key, what] of parsed) {
    if (what.kind !== 'backup' || removal.begun.has(what.id)) continue
    const info = await check(key, 'The backup cannot be restored.', [what.id], () =>
      readJson(repository, key, backupInfoSchema),
    )
    if (info) infos.push(info)
  }
  infos.sort((a, b) => a.stoppedAt - b.stoppedAt)

  for (const info of infos) {
    const needing = withDependents([info.id], infos)
    const means =
      needing.length === 1 ? 'The backup cannot be restored.' : 'It and what builds on it cannot be restored.'
    const manifest = await check(info.manifest.key, means, needing, async () => {
      const text = await readWhole(repository, info.manifest.key)
      if (repository.digest(text) !== info.manifest.digest) throw new Error('It is not the manifest of its backup.')
      return parseManifest(text, info.manifest.key)
    })
    progress(info.manifest.key)
    const missing = manifest && new Map(manifest.map((file) => [file.path, file]))
    let whole = true
    for (const archive of info.archives) {
      const read = async () => {
        await checkArchive(repository, archive.key, missing)
        return true
      }
      if (!(await check(archive.key, means, needing, read))) whole = false
      progress(archive.key)
    }
    // What a damaged part held is missing with it; only sound parts can be lacking something.
    for (const path of (whole && missing?.keys()) || []) {
      add(info.manifest.key, 'missing', `No archive of the backup holds ${path}, which the manifest names.`, needing)
    }
  }

  // Before the inventory: a receiver at work stores more between the two looks, never less.
  const head = await check(layout.head, 'Whether the WAL lost its end cannot be told.', [], () => readHead(repository))
  const timelines = await check(layout.wal, 'What WAL there is cannot be told.', ids(infos), () =>
    listStoredWal(repository, segmentBytes),
  )
  const histories = new Map<number, string>()
  const historyKeys = await check(layout.histories, 'Later timelines cannot be followed.', ids(infos), () =>
    listHistories(repository, segmentBytes),
  )
  for (const [timeline, key] of historyKeys ?? []) {
    const text = await check(key, 'Where this timeline branched off cannot be told.', ids(infos), () =>
      readWhole(repository, key),
    )
    if (text) histories.set(timeline, text.toString('utf8'))
    progress(key)
  }
  const inventory = timelines && { segmentBytes, timelines, histories }
  if (inventory) {
    for (const stored of [...inventory.timelines.values()].flatMap((timeline) => [...timeline.values()])) {
      const { segment } = stored
      const needing = infos.filter((info) => removal.needs(info, segment, segmentBytes))
      const means = 'Moments after the WAL in it cannot be restored.'
      const whole = stored.whole
      if (whole !== undefined) {
        await check(whole, means, ids(needing), () => readSegment(repository, stored, segmentBytes, () => {}))
        progress(whole)
      }
      for (const { key, from, to } of stored.pieces) {
        await check(key, means, whole === undefined ? ids(needing) : [], async () => {
          const replaced = (error: unknown) => error instanceof AvalError && error.code === 'OBJECT_MISSING'
          await readExactly(repository, key, to - from).catch(async (error: unknown) => {
            // A receiver at work joins pieces: one that is gone is missing only when nothing holds its bytes now.
            const now = replaced(error) && (await segmentNow(repository, segment, segmentBytes))
            if (!now || coveredBytes(now, segmentBytes) < to) throw error
          })
        })
        progress(key)
      }
    }
    const gaps = [...parsed.values()].filter((what) => what.kind === 'gap')
    for (const { key, known, says, backups } of findHoles(inventory, infos, gaps, removal.floor)) {
      add(key, known ? 'gap' : 'missing', says, backups)
    }
    for (const { timeline, from, to } of gaps) {
      const key = layout.gap(timeline, from, to)
      await check(key, 'Why WAL is missing cannot be told.', [], () => readWhole(repository, key))
    }
    for (const timeline of inventory.timelines.keys()) {
      if (timeline === 1 || historyKeys === undefined || historyKeys.has(timeline)) continue
      add(layout.history(timeline), 'missing', 'Where this timeline branched off cannot be told.', ids(infos))
    }
    if (inventory.timelines.size > 0 && !parsed.has(layout.head)) {
      add(layout.head, 'missing', 'Whether the WAL lost its end cannot be told.')
    }
    for (const [timeline, reached] of head ?? []) {
      const end = storedEnd(inventory, timeline) ?? 0n
      if (end >= reached || reached <= (removal.floor.get(timeline) ?? 0n)) continue
      const key = layout.segment({ timeline, number: end / BigInt(segmentBytes) }, segmentBytes)
      add(key, 'missing', `WAL was stored up to ${formatLsn(reached)} and now ends at ${formatLsn(end)}.`, ids(infos))
    }
  }

  for (const [key, what] of parsed) {
    if (what.kind !== 'listed' || removal.begun.has(what.id)) continue
    const digest = await check(key, 'Whether its backup is the one that was made cannot be told.', [], () =>
      readWhole(repository, key),
    )
    const backup = layout.backup(what.id)
    if (!parsed.has(backup)) add(backup, 'missing', 'The backup was complete and cannot be restored now.', [what.id])
    else if (digest && infos.some(({ id }) => id === what.id)) {
      const text = await readWhole(repository, backup)
      if (repository.digest(text) !== digest.toString())
        add(backup, 'damaged', 'It is not the one that was written.', [what.id])
    }
  }
  for (const { parent } of infos) {
    if (parent === undefined || infos.some(({ id }) => id === parent)) continue
    const key = layout.backup(parent)
    const needing = withDependents([parent], infos)
    const told = problems.find((problem) => problem.key === key)
    if (told) told.backups = needing
    else add(key, 'missing', 'What builds on this backup cannot be restored without it.', needing.slice(1))
  }
  for (const { id } of infos) {
    const key = layout.listed(id)
    if (!parsed.has(key))
      add(key, 'missing', 'Its backup is there; whether it is the one that was made cannot be told.')
  }
  for (const [key, what] of parsed) {
    if ((what.kind === 'archive' || what.kind === 'manifest') && !removal.begun.has(what.id)) {
      if (infos.some(({ id }) => id === what.id) || problems.some((problem) => problem.backups.includes(what.id)))
        continue
      await check(key, 'No backup depends on it.', [], async () => {
        for await (const _ of (await repository.read(key)).text);
      })
      add(key, 'unfinished', 'It belongs to no backup: one that was broken off, or whose object "backup" was removed.')
    }
  }
  for (const left of unfinishedRemovals(removal, infos, inventory)) problems.push(left)
  const gone = await removedMeanwhile(repository, infos)
  return summarise(
    problems.filter((problem) => !concernsOnly(problem, gone)),
    keys.length,
    bytes,
    [...infos.filter(({ id }) => !gone.has(id)), ...dumps],
  )
}

function kindOf(error: unknown): VerifyProblem['kind'] {
  if (!(error instanceof AvalError)) return 'damaged'
  if (error.code === 'OBJECT_OTHER_KEY') return 'other-key'
  return error.code === 'OBJECT_MISSING' ? 'missing' : 'damaged'
}

/** Objects of dumps, and what is noted of the backups of pgBackRest. */
function ofOtherEngine(key: string): boolean {
  return parseDumpKey(key) !== undefined || key === keptMarkKey
}

const withoutCluster = new Set(['repository', 'hold', 'checked', 'reading', 'lease', 'probe', 'erasure', 'removed'])

/** Objects that a repository has before it knows whose WAL it keeps. */
function ofAnyEngine(key: string): boolean {
  const what = parseKey(key, 2 ** 24)
  return what !== undefined && withoutCluster.has(what.kind)
}

/** What keys stand for, where no server has told how long its segments are. */
function keysByMeaning(keys: readonly string[]): Map<string, ParsedKey> {
  return new Map(
    keys.flatMap((key): [string, ParsedKey][] => {
      const what = parseKey(key, 2 ** 24)
      return what ? [[key, what]] : []
    }),
  )
}

async function keysOf(repository: Repository): Promise<{ keys: string[]; bytes: number }> {
  const keys: string[] = []
  let bytes = 0
  for await (const { key, size } of repository.store.list('')) {
    keys.push(key)
    bytes += size
  }
  return { keys, bytes }
}

function summarise(
  problems: VerifyProblem[],
  objects: number,
  bytes: number,
  infos: readonly { id: string }[],
): VerifyReport {
  const affected = new Set(problems.flatMap(({ kind, backups }) => (kind === 'gap' ? [] : backups)))
  const known = [...new Set([...infos.map(({ id }) => id), ...affected])].sort()
  return {
    sound: problems.every(({ kind }) => kind === 'unfinished' || kind === 'gap'),
    objects,
    bytes,
    backups: known.map((id) => ({ id, sound: !affected.has(id) })),
    problems,
  }
}

const ids = (infos: readonly BackupInfo[]) => infos.map(({ id }) => id)

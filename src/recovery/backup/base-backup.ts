import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { escapeLiteral } from 'pg'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { layout } from '../repository/layout.ts'
import { listBackups } from '../repository/list-backups.ts'
import { once, type Repository, readWhole } from '../repository/repository.ts'
import { claimServer, type Identified, identifyServer } from '../repository/server-identity.ts'
import { markReading } from '../retention/reading-mark.ts'
import { patiently } from '../stores/patience.ts'
import { serverTime } from '../wal/heartbeat.ts'
import { formatLsn, type Lsn, parseLsn } from '../wal/lsn.ts'
import { connectReplication, type ReplicationConnection } from '../wal/replication.ts'
import { removeAbandoned } from '../wal/spool-owner.ts'
import { coveredFrom, readInventory } from '../wal/wal-inventory.ts'
import { slotName, startWalReceiver, type WalReceiver } from '../wal/wal-receiver.ts'
import type { ArchivePart } from './archive-parts.ts'
import type { BackupInfo } from './backup-info.ts'
import { parseManifest } from './backup-manifest.ts'
import { baseBackupStream } from './backup-stream.ts'
import { clearBroken, writerMeta } from './broken-backups.ts'
import { chooseParent, hasPageChecksums, summariesMissing, uploadManifest } from './choose-parent.ts'

export interface BackupOptions {
  /** URL of a role with REPLICATION. */
  url: string
  repository: Repository
  clock: Clock
  /** Incremental: only what changed since the newest backup, which it cannot be restored without. Full unless told. */
  kind?: 'full' | 'incremental'
  label?: string
  /** The rule of `recovery.backups` it is taken by. */
  rule?: string
  /** A time of its own to be kept, milliseconds. */
  keep?: 'forever' | number
  onProgress?: (progress: { bytes: number; totalBytes: number }) => void
  signal?: AbortSignal
  /** How long an outage of the store is waited out where nothing is streaming; two minutes unless told. */
  storePatienceMs?: number
  /**
   * Whoever brings the WAL. Without one, a receiver of another process that holds the system's slot is relied upon, and when there
   * is none the backup brings the WAL between its beginning and its end itself.
   */
  receiver?: WalReceiver
}

/** Spool of a backup that brings its own WAL, for as long as it runs. */
const spoolPrefix = 'aval-backup-wal-'

/** Bytes of a part of the archive; large enough that parts are few, small enough that several are on their way side by side. */
const partBytes = 268_435_456

/** Longest time without any progress of the WAL. */
const walTimeoutMs = 60_000

/**
 * Takes a base backup while the server goes on serving. It exists only once its files, its manifest and all WAL up to its end
 * are in the repository; whatever a backup that failed had written is removed.
 * @throws BACKUP_TABLESPACES, BACKUP_WAL_MISSING, BACKUP_SERVER_TOO_OLD, of an incremental one BACKUP_INCREMENTAL_TOO_OLD,
 * BACKUP_SUMMARIES_OFF, BACKUP_SUMMARIES_MISSING, BACKUP_NO_PARENT, REPOSITORY_OTHER_SERVER, POSTGRES_UNREACHABLE,
 * STORE_FULL, or the signal's reason.
 */
export async function createBackup(options: BackupOptions): Promise<BackupInfo> {
  const { repository, clock, url, signal } = options
  signal?.throwIfAborted()
  const id = `${new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(4).toString('hex')}`
  const connection = await connectReplication(url, 'aval_backup', { frugal: true })
  const cut = () => connection.destroy()
  signal?.addEventListener('abort', cut, { once: true })
  await using undo = new AsyncDisposableStack()
  undo.defer(async () => {
    signal?.removeEventListener('abort', cut)
    await connection.close()
  })
  try {
    const identity = await identifyServer(connection)
    await claimServer(repository, identity)
    await clearBroken(repository, clock)
    const parent = options.kind === 'incremental' ? await chooseParent(repository, connection, identity) : undefined
    if (parent) {
      const from = parseLsn(parent.startLsn)
      // Retention must not take it away meanwhile.
      undo.use(await markReading(repository, clock, { backup: parent.id, from, to: from }))
    }
    const own = options.receiver ? undefined : await bringWal(options, undo)
    const receiver = options.receiver ?? own
    const info = await copyFiles(options, connection, identity, id, parent)
    const stop = parseLsn(info.stopLsn)
    if (receiver) await waitWhileItMoves(receiver, stop)
    await requireWal(options, info, receiver ? 0 : walTimeoutMs)
    // A moment after the end, so that the end itself can be restored to.
    if (own) await own.waitUntilStored((await own.heartbeat()).lsn, walTimeoutMs)
    // Cutting the connection does not undo what had arrived before.
    signal?.throwIfAborted()
    const text = Buffer.from(JSON.stringify(info))
    await patiently(options, () => repository.put(layout.backup(id), once(text), { digest: repository.digest(text) }))
    await patiently(options, () => listAll(repository))
    return info
  } catch (error) {
    await removeUnfinished(repository, id)
    throw signal?.aborted ? signal.reason : error
  }
}

/** Objects of a backup that never was one. */
async function removeUnfinished(repository: Repository, id: string): Promise<void> {
  const keys: string[] = []
  for await (const { key } of repository.store.list(layout.backupPrefix(id))) keys.push(key)
  for (const key of keys) await repository.store.delete(key)
}

/** A receiver that was away may have hours of WAL to catch up with: only standing still is a failure. */
async function waitWhileItMoves(receiver: WalReceiver, lsn: Lsn): Promise<void> {
  for (let before = receiver.position().stored; ; before = receiver.position().stored) {
    try {
      return await receiver.waitUntilStored(lsn, walTimeoutMs)
    } catch (error) {
      if (receiver.position().stored === before) throw error
    }
  }
}

/** Enters every backup into the catalog; one that was killed right after its last object had no time to. */
async function listAll(repository: Repository): Promise<void> {
  for (const { id } of await listBackups(repository)) {
    if (await repository.store.stat(layout.listed(id))) continue
    const text = Buffer.from(repository.digest(await readWhole(repository, layout.backup(id))))
    await repository.put(layout.listed(id), once(text), { digest: repository.digest(text) })
  }
}

/** A receiver for the time of the backup, unless another process holds the system's slot. */
async function bringWal(options: BackupOptions, undo: AsyncDisposableStack): Promise<WalReceiver | undefined> {
  const { repository, clock, url } = options
  const active = await withClient(url, async (client) => {
    const name = slotName(repository.system)
    const { rows } = await client.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND active', [name])
    return rows.length > 0
  })
  if (active) return undefined
  await removeAbandoned(tmpdir(), spoolPrefix)
  const spool = await mkdtemp(join(tmpdir(), spoolPrefix))
  undo.defer(() => rm(spool, { recursive: true, force: true }))
  const slot = `${slotName(repository.system).slice(0, 50)}_${randomBytes(4).toString('hex')}`
  const receiver = await startWalReceiver({ url, repository, spool, slot, clock, temporarySlot: true })
  undo.defer(receiver.stop)
  return receiver
}

async function copyFiles(
  options: BackupOptions,
  connection: ReplicationConnection,
  identity: Identified,
  id: string,
  parent: BackupInfo | undefined,
): Promise<BackupInfo> {
  const { repository, url, label = '', onProgress } = options
  const startedAt = await serverTime(url)
  let totalBytes = 0
  if (parent) await uploadManifest(repository, connection, parent)
  const pageChecksums = await hasPageChecksums(connection)
  const stream = baseBackupStream(
    connection,
    `BASE_BACKUP (LABEL ${escapeLiteral(label || id)}, CHECKPOINT 'fast', PROGRESS true, WAL false, WAIT false, ` +
      `MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256', TABLESPACE_MAP true${parent ? ', INCREMENTAL true' : ''})`,
    { partBytes, onProgress: (bytes) => onProgress?.({ bytes, totalBytes: Math.max(bytes, totalBytes) }) },
  )
  const [[[startLsn, timeline] = []] = [], spaces = []] = await stream.before.catch((error: unknown) => {
    throw parent ? summariesMissing(error, parent) : error
  })
  if (!startLsn || !timeline)
    throw failure('UNEXPECTED', { problem: 'the server does not say where its backup begins' })
  const foreign = spaces.flatMap(([oid, location]) => (oid ? [location ?? oid] : []))
  if (foreign.length > 0) throw failure('BACKUP_TABLESPACES', { locations: foreign.join(', ') })
  totalBytes = spaces.reduce((sum, [, , kilobytes]) => sum + Number(kilobytes ?? 0) * 1024, 0)

  const archives = await storeParts(repository, id, stream.parts, connection)
  const manifest = await stream.manifest
  const [[[stopLsn] = []] = []] = await stream.after
  if (!stopLsn) throw failure('UNEXPECTED', { problem: 'the server does not say where its backup ends' })
  const stoppedAt = await serverTime(url)

  const files = parseManifest(manifest, layout.manifest(id))
  const keptManifest = await patiently(options, () =>
    repository.put(layout.manifest(id), once(manifest), { meta: writerMeta(), digest: repository.digest(manifest) }),
  )
  return {
    format: 1,
    id,
    label,
    ...(options.rule === undefined ? {} : { rule: options.rule }),
    ...(options.keep === undefined ? {} : { keep: options.keep }),
    ...(parent === undefined ? {} : { parent: parent.id }),
    ...(parent === undefined && pageChecksums ? {} : { pageChecksums }),
    system: repository.system,
    systemIdentifier: identity.systemIdentifier,
    timeline: Number(timeline),
    startLsn,
    stopLsn,
    startedAt,
    stoppedAt,
    postgres: { version: identity.version, major: identity.major },
    walSegmentBytes: identity.walSegmentBytes,
    tablespaces: [],
    files: files.length,
    databaseBytes: files.reduce((sum, file) => sum + file.bytes, 0),
    archives,
    manifest: { key: keptManifest.key, storedBytes: keptManifest.storedBytes, digest: repository.digest(manifest) },
  }
}

/** Stores each part as it arrives. While the end of one is being made safe, the next is already on its way. */
async function storeParts(
  repository: Repository,
  id: string,
  parts: AsyncIterable<ArchivePart>,
  connection: ReplicationConnection,
): Promise<BackupInfo['archives']> {
  const stored: Promise<BackupInfo['archives'][number]>[] = []
  const store = async (part: ArchivePart, number: number) => {
    const { key, storedBytes } = await repository.put(layout.archive(id, number), part.bytes, {
      size: 'large',
      meta: writerMeta(),
    })
    return { key, bytes: part.length(), storedBytes }
  }
  try {
    for await (const part of parts) {
      await stored.at(-2)
      const storing = store(part, stored.length)
      // Whoever waits for it below hears of its failure; until then the server must not go on sending.
      storing.catch(() => connection.destroy())
      stored.push(storing)
    }
  } catch (error) {
    // A part that cannot be stored breaks the stream, and is the reason.
    for (const outcome of await Promise.allSettled(stored)) if (outcome.status === 'rejected') throw outcome.reason
    throw error
  }
  return await Promise.all(stored)
}

/** Waits until the repository has the WAL between the beginning and the end of a backup without a gap. */
async function requireWal({ repository, clock }: BackupOptions, info: BackupInfo, timeoutMs: number): Promise<void> {
  const [start, stop] = [parseLsn(info.startLsn), parseLsn(info.stopLsn)]
  const deadline = clock.now() + timeoutMs
  for (;;) {
    const inventory = await readInventory(repository, info.walSegmentBytes)
    const reached: Lsn = coveredFrom(inventory, info.timeline, start)
    if (reached >= stop) return
    if (clock.now() >= deadline) {
      throw failure('BACKUP_WAL_MISSING', { from: formatLsn(reached), to: info.stopLsn })
    }
    await clock.sleep(200)
  }
}

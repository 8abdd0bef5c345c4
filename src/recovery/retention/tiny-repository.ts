import { createHash } from 'node:crypto'
import type { BackupInfo } from '../backup/backup-info.ts'
import { writeHead } from '../repository/head.ts'
import { layout } from '../repository/layout.ts'
import { once, openRepository, type Repository } from '../repository/repository.ts'
import { claimServer } from '../repository/server-identity.ts'
import type { Store } from '../stores/store.ts'
import { formatLsn, type Lsn } from '../wal/lsn.ts'
import { markMeta } from '../wal/stored-segment.ts'

/*
 * A repository of real objects without a server: backups of an empty data directory and WAL of zeros, so that a year of them can be made in
 * seconds. To the store, to retention and to verification they are what real ones are.
 */

/** The smallest segment there is. */
export const tinySegmentBytes = 2 ** 20

const hour = 3_600_000

export interface TinyRepository {
  repository: Repository
  /** Position of the WAL at a moment: a segment lasts `segmentEvery`. */
  position(at: number): Lsn
  /** How far the WAL is stored. */
  streamed(): Lsn
  /** When a segment was full. */
  momentOf(number: bigint): number
  /** Stores the WAL up to a moment. */
  streamUntil(at: number): Promise<void>
  /** Takes a backup that ends at a moment; its WAL must be streamed by then or later. */
  take(
    at: number,
    more?: { rule?: string; label?: string; keep?: 'forever' | number; id?: string },
  ): Promise<BackupInfo>
}

export async function tinyRepository(options: {
  store: Store
  system: string
  /** The moment its server was made. */
  from: number
  /** How long a WAL segment takes to fill, milliseconds. */
  segmentEvery: number
}): Promise<TinyRepository> {
  const { store, system, from, segmentEvery } = options
  const repository = await openRepository({ store, key: new Uint8Array(32).fill(1), system })
  await claimServer(repository, { systemIdentifier: '1', walSegmentBytes: tinySegmentBytes })
  const zeros = Buffer.alloc(tinySegmentBytes)
  let stored = 0n
  let taken = 0
  const position = (at: number) => BigInt(Math.max(0, Math.round(((at - from) / segmentEvery) * tinySegmentBytes)))
  return {
    repository,
    position,
    streamed: () => stored * BigInt(tinySegmentBytes),
    momentOf: (number) => from + Number(number + 1n) * segmentEvery,
    streamUntil: async (at) => {
      const before = stored
      while ((stored + 1n) * BigInt(tinySegmentBytes) <= position(at)) {
        const mark = { at: from + Number(stored + 1n) * segmentEvery, lsn: (stored + 1n) * BigInt(tinySegmentBytes) }
        const key = layout.segment({ timeline: 1, number: stored }, tinySegmentBytes)
        await repository.put(key, once(zeros), { meta: markMeta(mark) })
        stored += 1n
      }
      if (stored > before) await writeHead(repository, new Map([[1, stored * BigInt(tinySegmentBytes)]]))
    },
    take: async (at, { rule, keep, label = '', ...named } = {}) => {
      const stamp = new Date(at).toISOString().replace(/[-:]|\.\d+/g, '')
      const id = named.id ?? `${stamp}-${(taken++).toString(16).padStart(8, '0')}`
      const manifest = emptyManifest()
      const archive = await repository.put(layout.archive(id), once(new Uint8Array()))
      const kept = await repository.put(layout.manifest(id), once(manifest))
      const info: BackupInfo = {
        format: 1,
        id,
        label,
        ...(rule === undefined ? {} : { rule }),
        ...(keep === undefined ? {} : { keep }),
        system,
        systemIdentifier: '1',
        timeline: 1,
        startLsn: formatLsn(position(at - hour / 4)),
        stopLsn: formatLsn(position(at)),
        startedAt: at - hour / 4,
        stoppedAt: at,
        postgres: { version: '18.0', major: 18 },
        walSegmentBytes: tinySegmentBytes,
        tablespaces: [],
        files: 0,
        databaseBytes: 0,
        archives: [{ key: archive.key, bytes: 0, storedBytes: archive.storedBytes }],
        manifest: { key: kept.key, storedBytes: kept.storedBytes, digest: repository.digest(manifest) },
      }
      const text = Buffer.from(JSON.stringify(info))
      await repository.put(layout.backup(id), once(text))
      await repository.put(layout.listed(id), once(Buffer.from(repository.digest(text))))
      return info
    },
  }
}

/** Postgres's manifest of nothing, with the checksum that ends it. */
function emptyManifest(): Buffer {
  const head = '{ "PostgreSQL-Backup-Manifest-Version": 1,\n"Files": [\n],\n'
  const sum = createHash('sha256').update(head).digest('hex')
  return Buffer.from(`${head}"Manifest-Checksum": "${sum}"}\n`)
}

import { z } from 'zod'
import { AvalError, failure } from '../../errors.ts'
import type { ReplicationConnection } from '../wal/replication.ts'
import { layout } from './layout.ts'
import { once, type Repository, readJson } from './repository.ts'

const identitySchema = z.strictObject({
  /** Decimal; given by initdb and kept by every restore of the cluster. */
  systemIdentifier: z.string().regex(/^\d+$/),
  walSegmentBytes: z
    .int()
    .min(2 ** 20)
    .max(2 ** 30),
})

/** The one cluster whose history a repository holds. */
export type ServerIdentity = z.infer<typeof identitySchema>

/** Whose history it is; undefined until the first backup or WAL. */
export async function readServerIdentity(repository: Repository): Promise<ServerIdentity | undefined> {
  const known = await repository.store.stat(layout.server)
  return known && readJson(repository, layout.server, identitySchema)
}

/**
 * Binds the repository to a cluster on first use.
 * @throws REPOSITORY_OTHER_SERVER: WAL of two clusters would have the same names.
 */
export async function claimServer(repository: Repository, identity: ServerIdentity): Promise<void> {
  const { systemIdentifier, walSegmentBytes } = identity
  const text = Buffer.from(JSON.stringify({ systemIdentifier, walSegmentBytes } satisfies ServerIdentity))
  try {
    await repository.put(layout.server, once(text), { digest: repository.digest(text) })
  } catch (error) {
    if (!(error instanceof AvalError) || error.code !== 'OBJECT_CONFLICT') throw error
    const owner = (await readServerIdentity(repository))?.systemIdentifier ?? ''
    throw failure('REPOSITORY_OTHER_SERVER', {
      place: repository.store.place,
      owner,
      server: systemIdentifier,
    })
  }
}

export interface Identified extends ServerIdentity {
  timeline: number
  /** How far the server has flushed, as text. */
  flushed: string
  version: string
  major: number
}

/** Asks a server who it is. */
export async function identifyServer(connection: ReplicationConnection): Promise<Identified> {
  const [[systemIdentifier, timeline, flushed] = []] = await connection.query('IDENTIFY_SYSTEM')
  const [[segmentSize] = []] = await connection.query('SHOW wal_segment_size')
  const [[version] = []] = await connection.query('SHOW server_version')
  const size = /^(\d+)(MB|GB)$/.exec(segmentSize ?? '')
  const major = Number.parseInt(version ?? '', 10)
  if (!systemIdentifier || !timeline || !flushed || !version || !size) {
    throw failure('UNEXPECTED', { problem: 'the server does not say who it is' })
  }
  if (major < 15) throw failure('BACKUP_SERVER_TOO_OLD', { version })
  const walSegmentBytes = Number(size[1]) * (size[2] === 'GB' ? 2 ** 30 : 2 ** 20)
  return { systemIdentifier, walSegmentBytes, timeline: Number(timeline), flushed, version, major }
}

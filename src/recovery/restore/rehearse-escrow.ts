import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { failure } from '../../errors.ts'
import type { Binaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import { temporaryPlace } from '../../postgres/place.ts'
import { openEscrowCopy } from '../../secrets/escrow.ts'
import { keyId } from '../../secrets/key-ring.ts'
import type { Secret } from '../../secrets/secret.ts'
import type { EngineBackup } from '../engine.ts'
import { listBackups } from '../repository/list-backups.ts'
import { openRepository } from '../repository/repository.ts'
import type { Store } from '../stores/store.ts'
import { finishRestore } from './finish-restore.ts'
import { restore } from './restore.ts'

/** What a rehearsal came to. Sizes in bytes, times in milliseconds. */
export interface Rehearsal {
  /** Ids of the keys in the copy, the newest first. */
  keys: readonly string[]
  backup: string
  bytes: number
  /** Databases that the restored server has and lets in. */
  databases: number
  tookMs: number
}

/**
 * Restores the latest state with an escrow copy of the key and nothing else of this machine, starts it, and removes it again. A
 * copy nobody has tried is a hope.
 * @param options.binaries the server for a backup, which is known only once the copy has opened the repository.
 * @throws KEY_UNLOCK_FAILED, REPOSITORY_WRONG_KEY for a copy older than the newest key, BACKUP_NONE, and whatever a restore throws.
 */
export async function rehearseEscrow(options: {
  store: Store
  system: string
  /** Text of the copy, and what it is called in errors. */
  copy: string
  file: string
  identities: readonly Secret<string>[]
  binaries(backup: Pick<EngineBackup, 'postgres'>): Promise<Binaries>
  clock: Clock
  signal?: AbortSignal
}): Promise<Rehearsal> {
  const { store, system, clock, signal } = options
  const startedAt = clock.now()
  const ring = await openEscrowCopy(options.copy, options.identities)
  if (!ring) {
    throw failure('KEY_UNLOCK_FAILED', { file: options.file, holders: 'the age identities it was sealed to' })
  }
  const repository = await openRepository({ store, key: ring, system, create: false })
  const newest = (await listBackups(repository)).at(-1)
  if (!newest) throw failure('BACKUP_NONE', { place: store.place, system })
  const binaries = await options.binaries(newest)
  const place = await temporaryPlace('aval-escrow')
  try {
    const to = join(place.path, 'data')
    const { backup, bytes } = await restore({ repository, to, at: 'latest', clock, ...(signal ? { signal } : {}) })
    const server = await finishRestore({
      dataDirectory: to,
      binaries,
      clock,
      rehearsal: true,
      afterRestore: [],
      database: 'postgres',
      owner: '',
    })
    try {
      const databases = await withClient(server.url({ database: 'postgres' }), async (client) => {
        const { rows } = await client.query('SELECT 1 FROM pg_database WHERE datallowconn')
        return rows.length
      })
      return { keys: ring.map(keyId), backup: backup.id, bytes, databases, tookMs: clock.now() - startedAt }
    } finally {
      await server.stop()
    }
  } finally {
    await place.remove()
  }
}

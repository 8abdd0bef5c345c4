import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AvalError } from '../../errors.ts'
import { layout } from '../repository/layout.ts'
import type { Repository } from '../repository/repository.ts'
import { readServerIdentity } from '../repository/server-identity.ts'
import { claimSpool } from './spool-owner.ts'
import { coveredBytes, readInventory } from './wal-inventory.ts'
import { leftInSpool } from './wal-spool.ts'

/** The folder of a spool that belongs to one cluster: WAL of another must never get into the repository of this one. */
export function spoolOf(spool: string, systemIdentifier: string): string {
  return join(spool, systemIdentifier)
}

/**
 * Brings what a receiver that died had acknowledged but not yet stored into the repository, and empties the spool. Before a
 * restore this is what saves the last moment when the server is gone as well. No receiver may be using the spool.
 * @returns how many segments were taken out of the spool.
 */
export async function storeSpooled(options: { repository: Repository; spool: string }): Promise<number> {
  const { repository } = options
  const identity = await readServerIdentity(repository)
  if (!identity) return 0
  const { walSegmentBytes } = identity
  const left = await leftInSpool(spoolOf(options.spool, identity.systemIdentifier), walSegmentBytes)
  if (left.length === 0) return 0
  const inventory = await readInventory(repository, walSegmentBytes)
  for (const { segment, whole, bytes, read, remove } of left) {
    const digest = await repository.digestOf(read())
    const known = inventory.timelines.get(segment.timeline)?.get(segment.number)
    if (whole) {
      await repository.put(layout.segment(segment, walSegmentBytes), read(), { digest })
      for (const { key } of known?.pieces ?? []) await repository.store.delete(key)
    } else if (bytes > coveredBytes(known, walSegmentBytes)) {
      await repository.put(layout.piece(segment, walSegmentBytes, 0, bytes), read(), { digest })
    }
    await remove()
  }
  return left.length
}

/**
 * As `storeSpooled`, for whoever does not know whether a receiver is at work: then nothing is done, since it does so itself.
 * @returns how many segments were taken out of the spool.
 */
export async function rescueSpool(options: { repository: Repository; spool: string }): Promise<number> {
  const there = await stat(options.spool).catch(() => undefined)
  if (!there) return 0
  let release: () => Promise<void>
  try {
    release = await claimSpool(options.spool)
  } catch (error) {
    if (error instanceof AvalError && error.code === 'WAL_SPOOL_BUSY') return 0
    throw error
  }
  try {
    return await storeSpooled(options)
  } finally {
    await release()
  }
}

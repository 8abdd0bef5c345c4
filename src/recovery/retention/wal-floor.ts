import { z } from 'zod'
import { layout } from '../repository/layout.ts'
import { once, type Repository, readJson } from '../repository/repository.ts'
import { formatLsn, hex8, type Lsn, parseLsn } from '../wal/lsn.ts'

/*
 * From which position on the WAL of each timeline is kept whole. Before it only what belongs to a backup is there, so that a hole is
 * no loss but was meant. It is written before anything is removed and never goes back.
 */

const floorSchema = z.record(z.string().regex(/^[0-9A-F]{8}$/), z.string())

export type WalFloor = ReadonlyMap<number, Lsn>

/** Empty before anything was ever removed. */
export async function readFloor(repository: Repository): Promise<WalFloor> {
  if ((await repository.store.stat(layout.floor)) === undefined) return new Map()
  const floor = await readJson(repository, layout.floor, floorSchema)
  return new Map(Object.entries(floor).map(([timeline, lsn]) => [Number.parseInt(timeline, 16), parseLsn(lsn)]))
}

/** Raises the floor where `to` is higher, and writes it down when anything changed. */
export async function raiseFloor(repository: Repository, before: WalFloor, to: WalFloor): Promise<WalFloor> {
  const floor = new Map(before)
  for (const [timeline, lsn] of to) if (lsn > (floor.get(timeline) ?? 0n)) floor.set(timeline, lsn)
  if ([...floor].every(([timeline, lsn]) => before.get(timeline) === lsn)) return before
  const text = JSON.stringify(Object.fromEntries([...floor].map(([timeline, lsn]) => [hex8(timeline), formatLsn(lsn)])))
  await repository.put(layout.floor, once(Buffer.from(text)), { replace: true })
  return floor
}

/** Whether all WAL from a position of a timeline on is kept. */
export function isAboveFloor(floor: WalFloor, { timeline, start }: { timeline: number; start: Lsn }): boolean {
  return start >= (floor.get(timeline) ?? 0n)
}

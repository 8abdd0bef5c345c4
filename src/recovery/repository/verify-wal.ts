import type { BackupInfo } from '../backup/backup-info.ts'
import { isAboveFloor, type WalFloor } from '../retention/wal-floor.ts'
import { type Lsn, parseLsn, segmentName } from '../wal/lsn.ts'
import { coveredBytes, heldBytes, newestLine, segmentsAlong, type WalInventory } from '../wal/wal-inventory.ts'
import { layout } from './layout.ts'

export interface Hole {
  /** Key of the first object that is not there. */
  key: string
  /** The server had removed that WAL before it was received. */
  known: boolean
  says: string
  backups: string[]
}

/** Holes between a backup and the end of the WAL along the newest line. */
export function findHoles(
  inventory: WalInventory,
  infos: readonly Pick<BackupInfo, 'id' | 'timeline' | 'startLsn' | 'stopLsn'>[],
  gaps: readonly { timeline: number; from: Lsn; to: Lsn }[],
  floor: WalFloor = new Map(),
): Hole[] {
  const { segmentBytes } = inventory
  const line = newestLine(inventory)
  const last = line.at(-1)
  const numbers = [...(inventory.timelines.get(last?.timeline ?? 1)?.keys() ?? [])]
  const final = numbers.reduce((most, number) => (number > most ? number : most), 0n)
  const size = BigInt(segmentBytes)
  const holes = new Map<string, Hole>()
  for (const info of infos) {
    const stop = parseLsn(info.stopLsn)
    const on =
      line.some(({ timeline, end }) => timeline === info.timeline && (end === undefined || stop <= end)) &&
      isAboveFloor(floor, { timeline: info.timeline, start: parseLsn(info.startLsn) })
    // A backup of an abandoned branch, or from before the WAL that is kept whole, needs the WAL up to its own end only.
    const way = on ? line : [{ timeline: info.timeline, start: 0n, end: undefined }]
    const until = on ? final : (stop - 1n) / BigInt(segmentBytes)
    for (const { segment, stored } of segmentsAlong(inventory, way, parseLsn(info.startLsn))) {
      if (segment.number > until) break
      const covered = coveredBytes(stored, segmentBytes)
      const enough =
        segment.number < until
          ? segmentBytes
          : on
            ? Math.max(1, heldBytes(stored, segmentBytes))
            : Number(stop - segment.number * BigInt(segmentBytes))
      if (covered >= enough) continue
      const key = layout.segment(segment, segmentBytes)
      const name = segmentName(segment, segmentBytes)
      const known = gaps.some(({ from, to }) => from / size <= segment.number && segment.number < to / size)
      const says = known
        ? `The server had removed the WAL from segment ${name} on before it was received.`
        : `WAL is missing from segment ${name} on. Moments after it cannot be restored.`
      const hole = holes.get(key) ?? { key, known, says, backups: [] }
      hole.backups.push(info.id)
      holes.set(key, hole)
      break
    }
  }
  return [...holes.values()]
}

import type { Ack, Exercise } from './exercise.ts'

export interface ReadBack {
  kept: Ack[]
  lost: Ack[]
  altered: Ack[]
}

/** Asks the system for every acknowledged write, a bounded number at a time. Reads promise nothing and are left out. */
export async function readBackAll(exercise: Exercise, acks: readonly Ack[], atOnce = 8): Promise<ReadBack> {
  const result: ReadBack = { kept: [], lost: [], altered: [] }
  const waiting = acks.filter((ack) => ack.kind === 'write').values()
  const work = async () => {
    for (const ack of waiting) result[await exercise.readBack(ack)].push(ack)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return result
}

/** What was lost, as an objective counts it. */
export interface Loss {
  /** Time between the oldest lost acknowledgement and the fault, milliseconds; 0 when nothing was lost. */
  ms: number
  /**
   * Lost writes that surely came before a kept one: it was sent only after they had been acknowledged. A recovery point
   * forgives the end of the story, never a page torn from its middle: these refute an objective whatever their age.
   */
  holes: number
}

/** @param faultAt when the system was destroyed, milliseconds since the epoch. */
export function measureLoss(result: ReadBack, faultAt: number): Loss {
  const gone = [...result.lost, ...result.altered]
  if (gone.length === 0) return { ms: 0, holes: 0 }
  const oldest = Math.min(...gone.map((ack) => ack.acknowledgedAt))
  const newestKept = Math.max(Number.NEGATIVE_INFINITY, ...result.kept.map((ack) => ack.sentAt))
  const holes = result.lost.filter((ack) => ack.acknowledgedAt < newestKept).length
  return { ms: Math.max(0, faultAt - oldest), holes: holes + result.altered.length }
}

/**
 * How far a restore to a moment missed it: the largest distance of a write that should be there and is not, or is there and
 * should not be. 0 when every write is on its side.
 */
export function measurePrecision(result: ReadBack, moment: number): number {
  const missing = [...result.lost, ...result.altered]
    .filter((ack) => ack.acknowledgedAt <= moment)
    .map((ack) => moment - ack.acknowledgedAt)
  const excess = result.kept.filter((ack) => ack.sentAt > moment).map((ack) => ack.sentAt - moment)
  return Math.max(0, ...missing, ...excess)
}

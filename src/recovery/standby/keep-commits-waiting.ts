import type { Clock } from '../../clock.ts'
import { withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { releaseCommits } from '../wal/wal-synchronous.ts'
import { makeSynchronous, waitUntilStreaming } from './create-standby.ts'
import { type Pair, readPair } from './pair.ts'
import { clearReleased, isReleased, markReleased } from './released.ts'
import { standbyStatus } from './standby-status.ts'

interface Both {
  pairFile: string
  clock: Clock
  primary: OwnedServer
  standby: OwnedServer | undefined
}

/**
 * Whom commits of a primary that was just started wait for: the standby when it follows in time, else nobody, which is written down first. The
 * receiver of the last life is not there yet and is left out.
 * @returns whether the promise of the pair holds.
 */
export async function beginWaiting(pair: Pair, both: Both, patienceMs = 15_000): Promise<boolean> {
  const { pairFile, clock, primary, standby } = both
  const follows =
    pair.synchronous &&
    standby !== undefined &&
    (await waitUntilStreaming({ primary, clock }, standby, patienceMs).then(
      () => true,
      () => false,
    ))
  if (pair.synchronous && !follows) await markReleased(pairFile, pair.generation, clock.now())
  if (!follows) {
    await withClient(primary.url(), releaseCommits)
    return !pair.synchronous
  }
  await withClient(primary.url(), (client) => releaseCommits(client, 'but the standby'))
  return resumeWaiting(pair, both)
}

/**
 * Makes commits wait for the standby again once it follows, where the pair says so and the server does not. To be called now and then.
 * @returns true when it changed that.
 */
export async function resumeWaitingWhenItFollows(both: Both): Promise<boolean> {
  const { pairFile, primary, standby, clock } = both
  const pair = await readPair(pairFile)
  if (!pair?.synchronous || pair.state !== 'following' || pair.promotion !== undefined) return false
  if (pair.primary !== primary.dataDirectory || !primary.running() || !standby?.running()) return false
  const { streaming, primary: side } = await standbyStatus(primary, standby)
  if (side === undefined) return false
  const released = await isReleased(pairFile, pair.generation)
  if (!released && side.synchronous) return false
  // Whoever took the setting away told nobody.
  if (!released) await markReleased(pairFile, pair.generation, clock.now())
  if (!streaming) return false
  // Short, since whoever ends the system waits for this; the next call tries again.
  await waitUntilStreaming({ primary, clock }, standby, 3_000)
  return resumeWaiting(pair, both)
}

/**
 * Names the standby, and takes the note back once the server has seen it and the standby has what was committed before.
 * @returns false when that took too long, and the note stands.
 */
async function resumeWaiting(pair: Pair, { pairFile, clock, primary, standby }: Both): Promise<boolean> {
  if (!(await makeSynchronous({ primary, clock }, standby))) {
    await markReleased(pairFile, pair.generation, clock.now())
    return false
  }
  if (standby && (await isReleased(pairFile, pair.generation))) {
    try {
      await waitUntilStreaming({ primary, clock }, standby, 5_000)
    } catch {
      return false
    }
  }
  await clearReleased(pairFile)
  return true
}

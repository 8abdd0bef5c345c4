import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '../../../random.ts'
import { flipByte, largestObject, removeWalWithin } from '../damage.ts'
import { spoolOf } from '../machine.ts'
import type { Beginning, Strike } from '../run.ts'
import type { Site } from '../site.ts'

/** Folder of the scratch directory with a copy of the store as the loss of the server left it. */
export const lostStore = 'store-after-loss'

/** Full loss, for real: the server is killed and its data and the spool of the receiver are removed. */
export const loseServer: Strike = async (run) => {
  const at = await killAndRemove(run)
  const { session, site } = run
  const { faults, scratch, seed } = session
  if (faults.has('wal-segment-removed')) await removeWalWithin(site.repository.store, site.storeDirectory)
  if (faults.has('byte-flipped')) {
    const random = seededRandom(seed).fork('byte-flipped')
    await flipByte(site.storeDirectory, await largestObject(site.repository.store, 'backups/'), random)
  }
  // What integrity is judged on: the store as the loss left it, whatever later scenarios do to it.
  await cp(site.storeDirectory, join(scratch.directory, lostStore), { recursive: true, force: true })
  return { at, what: 'server killed, its data and the spool of the receiver removed' }
}

/**
 * The store is out of reach first: what is acknowledged until the server is really dead is acknowledged and must count.
 * @returns when it died.
 */
export async function killAndRemove({ session, site, load }: Beginning): Promise<number> {
  site.sever()
  await site.environment.server.kill()
  const at = session.clock.now()
  await site.stopArchive()
  await loseMachine(site)
  await load.stop()
  return at
}

/** Removes what lies on the machine of the server: its data and the spool of the receiver. */
async function loseMachine(site: Site): Promise<void> {
  for (const lost of [site.environment.server.dataDirectory, spoolOf(site)]) {
    await rm(lost, { recursive: true, force: true })
  }
}

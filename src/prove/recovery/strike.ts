import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { FaultName } from '../../plan/scenario.ts'
import { seededRandom } from '../../random.ts'
import { flipByte, removeWalWithin } from './damage.ts'
import type { Blow, Run } from './run.ts'
import { loseMachine } from './site.ts'

type Strike = (run: Omit<Run, 'blow'>) => Promise<Blow>

/** Causes each fault, for real and on the running site. */
export const strikes: Partial<Record<FaultName, Strike>> = {
  'server-lost': async (run) => {
    const at = await loseServer(run)
    return { at, what: 'server killed, its data and the spool of the receiver removed' }
  },
  'moment-passed': async ({ session, site, load }) => {
    const { clock, effort, signal } = session
    const moment = clock.now()
    await clock.sleep(effort.loadMs / 2, signal)
    await load.stop()
    // Only once a heartbeat lies behind the moment can it be restored to.
    const archive = await site.archive()
    const mark = await archive.heartbeat()
    await archive.waitUntilStored(mark.lsn, 60_000)
    return { at: clock.now(), what: 'everything after a moment is to be undone', moment, until: moment }
  },
}

/** The store is out of reach first: what is acknowledged until the server is really dead is acknowledged and must count. */
async function loseServer({ session, site, load }: Omit<Run, 'blow'>): Promise<number> {
  const { faults, scratch, seed } = session
  site.sever()
  await site.environment.server.kill()
  const at = session.clock.now()
  await site.stopArchive()
  await loseMachine(site)
  await load.stop()
  if (faults.has('wal-segment-removed')) await removeWalWithin(site.repository.store, site.storeDirectory)
  if (faults.has('byte-flipped')) {
    const random = seededRandom(seed).fork('byte-flipped')
    await flipByte(site.storeDirectory, `backups/${site.backup.id}/base.tar`, random)
  }
  // What integrity is judged on: the store as the loss left it, whatever later scenarios do to it.
  await cp(site.storeDirectory, join(scratch.directory, lostStore), { recursive: true, force: true })
  return at
}

/** Folder of the scratch directory with a copy of the store as the loss of the server left it. */
export const lostStore = 'store-after-loss'

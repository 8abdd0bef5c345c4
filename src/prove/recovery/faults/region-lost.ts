import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { copyRepository } from '../../../recovery/stores/copy-repository.ts'
import { directoryStore } from '../../../recovery/stores/directory-store.ts'
import { placeInCustody, takeFromCustody } from '../custody.ts'
import type { Strike } from '../run.ts'
import { killAndRemove } from './server-lost.ts'

/**
 * The store is copied as the plan says and once more, clients work on, and then server, store and key file are gone at once. What is
 * left are the second store, the escrow copy of the key, and the source.
 */
export const loseRegion: Strike = async (run) => {
  const { session, site } = run
  const { clock, effort, faults, scratch, signal } = session
  // The region that is lost may be the one that an earlier scenario fell back on.
  const directory = await mkdtemp(join(scratch.directory, 'second-store-'))
  const second = directoryStore(directory)
  const custody = await placeInCustody(join(scratch.directory, 'custody'), site.keyFile)
  const archive = await site.archive()
  await copyRepository({ from: site.repository.store, to: second, clock, signal })
  await clock.sleep(effort.loadMs / 4, signal)
  const copiedUntil = clock.now()
  await archive.waitUntilStored((await archive.heartbeat()).lsn, 60_000)
  if (!faults.has('second-store-stale'))
    await copyRepository({ from: site.repository.store, to: second, clock, signal })
  await clock.sleep(effort.loadMs / 4, signal)

  const at = await killAndRemove(run)
  await rm(site.storeDirectory, { recursive: true, force: true })
  await rm(site.keyFile, { force: true })
  site.storeDirectory = directory
  site.repository = await site.open(second)
  return {
    at,
    what: 'server, store and key file removed; the second store and the escrow copy of the key are left',
    custody,
    copiedUntil,
    // A procedure may restore with the escrow copy and never say that the key goes back to its place; work goes on with it all the same.
    tidy: async () => {
      if (!existsSync(site.keyFile)) await takeFromCustody(custody, site.keyFile)
    },
    check: async ({ lost, altered }) => {
      const missing = [...lost, ...altered].filter((ack) => ack.acknowledgedAt <= copiedUntil)
      return missing.length === 0
        ? []
        : [`${missing.length} writes are missing that were acknowledged before the last copy to the second store`]
    },
  }
}

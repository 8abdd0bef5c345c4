import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { directoryStore } from '../../../recovery/stores/directory-store.ts'
import { placeInCustody } from '../custody.ts'
import type { Strike } from '../run.ts'
import { workTreeOf } from '../work-tree.ts'
import { killAndRemove } from './server-lost.ts'

/**
 * Everything on the machine goes: server, services, project, key. What is left is what is kept elsewhere: the repository of the source,
 * the store, and the escrow copy of the key.
 */
export const loseAll: Strike = async (run) => {
  const { session, site } = run
  const { scratch, system } = session
  const source = await workTreeOf(system.directory)
  const custody = await placeInCustody(join(scratch.directory, 'custody'), site.keyFile)
  const at = await killAndRemove(run)
  await site.environment.stopServices()
  const kept = join(scratch.directory, 'kept-elsewhere')
  await cp(site.storeDirectory, kept, { recursive: true })
  await rm(site.storeDirectory, { recursive: true, force: true })
  await rm(site.operator.project.root, { recursive: true, force: true })
  site.storeDirectory = kept
  site.repository = await site.open(directoryStore(kept))
  return {
    at,
    what: 'server, services, project and key removed; the source, the store and the escrow copy of the key are left',
    custody,
    source,
  }
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Repository } from '../../recovery/repository/repository.ts'
import { directoryStore } from '../../recovery/stores/directory-store.ts'
import type { Store } from '../../recovery/stores/store.ts'
import type { ProofSession } from '../prover.ts'
import { lostStore } from './faults/server-lost.ts'
import { carryOutProcedure, type Outcome } from './scenario.ts'
import { scenarioFor } from './scenarios-of.ts'
import { siteOf } from './site.ts'

/** The repository as the loss of the server left it, for whoever judges what is kept there. */
export interface Aftermath {
  repository: Repository
  storeDirectory: string
  /** Opens the same repository over another store, such as a damaged copy. */
  open(store: Store): Promise<Repository>
}

/** Loses the server, and recovers it, unless this session has done so. @throws when it could not be recovered. */
export async function recoverFromLoss(session: ProofSession): Promise<Outcome> {
  const { name, procedure } = scenarioFor(session.system.plan, 'server-lost')
  return carryOutProcedure(session, name, procedure)
}

/** The store of the loss, which is there whether or not the recovery from it succeeded. */
export async function storeAfterLoss(session: ProofSession): Promise<Aftermath> {
  const storeDirectory = join(session.scratch.directory, lostStore)
  const failed = await recoverFromLoss(session).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  if (failed && !existsSync(storeDirectory)) throw failed.error
  const { open } = await siteOf(session)
  return { repository: await open(directoryStore(storeDirectory)), storeDirectory, open }
}

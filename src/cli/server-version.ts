import type { System } from '../project/project.ts'
import { scratchBinaries } from '../run/environment.ts'

/** Version of the Postgres that proofs of a system run on, such as '18.4'; 'none' for a system without a database. */
export async function serverVersionOf(system: System): Promise<string> {
  if (!system.plan.database) return 'none'
  const { version } = await scratchBinaries(system)
  return version
}

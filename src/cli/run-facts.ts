import { arch, cpus, platform, totalmem } from 'node:os'
import { formatBytes } from '../plan/units.ts'
import type { Project, System } from '../project/project.ts'
import type { RunFacts } from '../prove/conclude.ts'
import type { Effort } from '../prove/prover.ts'
import { commitOf } from './commit.ts'
import { serverVersionOf } from './server-version.ts'

/** What stands in every piece of evidence of a run: on what, from which plan and commit, with which seed. */
export async function runFacts(
  project: Project,
  system: System,
  seed: number,
  effort: Effort['name'],
): Promise<RunFacts> {
  return {
    seed,
    planDigest: system.planDigest,
    commit: await commitOf(project.root),
    environment: {
      effort,
      node: process.versions.node,
      postgres: await serverVersionOf(system),
      system: `${platform()} ${arch()}`,
      cores: String(cpus().length),
      memory: formatBytes(totalmem()),
    },
  }
}

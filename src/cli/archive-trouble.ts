import type { Project } from '../project/project.ts'
import type { RecoveryEngine } from '../recovery/engine.ts'
import { archiveTrouble } from '../run/archive-trouble.ts'
import type { CommandContext } from './command.ts'
import { type RepositoryFlags, takesSpool } from './repository-choice.ts'

/**
 * Says when the repository a command reads lacks what the system writes now. Only of the repository that this machine's own archive
 * fills: of another one nothing is known here.
 * @returns whether it was said.
 */
export async function tellArchiveTrouble(
  project: Project,
  system: string,
  engine: Pick<RecoveryEngine, 'name'>,
  flags: RepositoryFlags,
  context: CommandContext,
): Promise<boolean> {
  if (engine.name !== 'native' || flags.repository !== undefined || !takesSpool(flags)) return false
  const trouble = await archiveTrouble(project, system, context.clock)
  if (trouble === undefined) return false
  context.err(`${system}: ${trouble}\n  What was written since is not in the repository.\n`)
  return true
}

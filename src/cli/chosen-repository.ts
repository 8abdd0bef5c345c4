import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import type { Repository } from '../recovery/repository/repository.ts'
import { chooseSystem } from './choose-systems.ts'
import type { CommandContext } from './command.ts'
import { openChosen, type RepositoryFlags } from './repository-choice.ts'

export interface Chosen {
  project: Project
  system: System
  repository: Repository
}

/** One system with its plan and its repository, for a command about what is in it. */
export async function chooseRepository(
  name: string | undefined,
  flags: RepositoryFlags,
  context: CommandContext,
  command: string,
  create = false,
): Promise<Chosen> {
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, command)
  const system = await loadSystem(project, only)
  return { project, system, repository: await openChosen(project, only, flags, context, create) }
}

/** `<system> <id>` or, where only one system can be meant, `<id>`. */
export function systemAndId(first: string, second: string | undefined): [system: string | undefined, id: string] {
  return second === undefined ? [undefined, first] : [first, second]
}

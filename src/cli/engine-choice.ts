import type { Command } from 'commander'
import { z } from 'zod'
import { loadSystem } from '../project/load-system.ts'
import type { Project } from '../project/project.ts'
import type { RecoveryEngine } from '../recovery/engine.ts'
import { openEngine } from '../recovery/open-engine.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { type CommandContext, usage } from './command.ts'
import { openChosen, type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

export interface EngineFlags extends RepositoryFlags {
  engine?: string
}

/** The options that name another repository, or another engine than that of the plan. */
export function withEngineOptions(command: Command): Command {
  return withRepositoryOptions(command).option(
    '--engine <name>',
    'native, logical or pgbackrest; recovery.engine of the plan unless told',
  )
}

const nameSchema = z.enum(['native', 'logical', 'pgbackrest'])

/**
 * Opens the engine a command means, with its repository. Told by name it needs no plan, which may be what is broken.
 * @param create makes repository and key when there are none; a command that only reads must not.
 */
export async function openChosenEngine(
  project: Project,
  system: string,
  flags: EngineFlags,
  context: CommandContext,
  create: boolean,
): Promise<RecoveryEngine> {
  const told = flags.engine === undefined ? undefined : nameSchema.safeParse(flags.engine)
  if (told && !told.success) {
    throw usage('backup', `"${flags.engine}" is no engine; they are ${nameSchema.options.join(', ')}.`)
  }
  const repository = await openChosen(project, system, flags, context, create)
  const name = told?.data ?? (await loadSystem(project, system)).plan.recovery.engine
  return openEngine({ name, repository, folder: developmentDirectory(project, system), clock: context.clock })
}

import type { Project } from '../project/project.ts'
import { lockDirectory } from '../run/owner-lock.ts'
import { finishPlacing, type Placed, placeRestored, prepareBeside } from '../run/place-restored.ts'
import { developmentDirectory } from '../run/run-state.ts'
import type { CommandContext } from './command.ts'

/** Where a restore is written to, and what becomes of it; held until disposed. */
export interface RestoreDestination extends Disposable {
  /** What an earlier call had not brought to its end, and this one has; then there is nothing to restore. */
  taken: Placed | undefined
  /** The directory to restore into. */
  directory(): Promise<string>
  /** Puts what was restored and recovered there in its place, where it has another one. */
  place(): Promise<Placed | undefined>
}

/** A directory that a person named, where the restore stays. */
export function destinationAt(directory: string): RestoreDestination {
  return {
    taken: undefined,
    directory: async () => directory,
    place: async () => undefined,
    [Symbol.dispose]: () => undefined,
  }
}

/**
 * The place of the data of a development environment that nobody runs meanwhile.
 * @throws ENVIRONMENT_IN_USE naming the `aval up` that runs it
 */
export async function destinationInPlace(
  project: Pick<Project, 'state'>,
  system: string,
  { clock }: Pick<CommandContext, 'clock'>,
): Promise<RestoreDestination> {
  const directory = developmentDirectory(project, system)
  const lock = lockDirectory(directory, system, clock)
  try {
    const taken = await finishPlacing({ directory, clock })
    const beside = taken ? undefined : await prepareBeside({ directory, clock })
    return {
      taken,
      directory: async () => beside ?? prepareBeside({ directory, clock }),
      place: async () => (beside === undefined ? undefined : placeRestored(beside, { directory, clock })),
      [Symbol.dispose]: () => lock.release(),
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** What was moved, and what to do next. */
export function describePlaced(system: string, { dataDirectory, aside, dissolved }: Placed): string {
  const kept = aside.map((each) => `  put aside: ${each}; remove it when nobody misses anything\n`).join('')
  const pair = dissolved
    ? '  The standby does not follow from here and was put aside too: there is one copy until it is made anew.\n'
    : ''
  return `${system} runs on it from the next \`aval up\`: ${dataDirectory}
${kept}${pair}Next: \`aval up ${system}\`, then \`aval backup create ${system}\`${dissolved ? ` and \`aval standby create ${system}\`` : ''}.
`
}

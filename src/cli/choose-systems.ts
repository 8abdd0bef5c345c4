import { knownSystem } from '../project/known-system.ts'
import type { Project } from '../project/project.ts'
import { usage } from './command.ts'

/**
 * The systems a command with `--all` is about: the one named, all of them, the one the person stands in, or the only one there is.
 * @throws USAGE naming the systems there are, SYSTEM_NOT_FOUND.
 */
export function chooseSystems(
  project: Project,
  name: string | undefined,
  all: boolean,
  command: string,
): readonly string[] {
  if (name !== undefined && all) throw usage(command, 'Name a system or give --all, not both.')
  if (all) return project.systems
  const meant = meantSystem(project, name)
  if (meant !== undefined) return [meant]
  throw usage(command, `Say which system: ${project.systems.join(', ')}, or --all.`)
}

/**
 * The one system a command is about: the one named, the one the person stands in, or the only one there is.
 * @throws USAGE naming the systems there are, SYSTEM_NOT_FOUND.
 */
export function chooseSystem(project: Project, name: string | undefined, command: string): string {
  const meant = meantSystem(project, name)
  if (meant !== undefined) return meant
  throw usage(command, `Say which system: ${project.systems.join(', ')}.`)
}

function meantSystem(project: Project, name: string | undefined): string | undefined {
  if (name !== undefined) return knownSystem(project, name)
  if (project.here !== undefined) return project.here
  const [only, ...others] = project.systems
  return others.length === 0 ? only : undefined
}

import { failure } from '../errors.ts'
import { nearest } from '../plan/nearest.ts'
import type { Project } from './project.ts'

/**
 * A name that a system of the project has.
 * @throws SYSTEM_NOT_FOUND with the names there are, and the one that was meant, perhaps
 */
export function knownSystem(project: Project, name: string): string {
  if (project.systems.includes(name)) return name
  const close = nearest(name, project.systems)
  throw failure('SYSTEM_NOT_FOUND', {
    name,
    known: project.systems.join(', '),
    suggestion: close === undefined ? '' : `Did you mean "${close}"?`,
  })
}

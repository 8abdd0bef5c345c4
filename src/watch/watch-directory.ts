import { join } from 'node:path'
import type { Project } from '../project/project.ts'

/**
 * Where watching keeps a system's series, alerts, messages and incidents: `.aval/<system>/watch`. Whoever measures writes there, and every command that
 * tells of it reads there, while the system runs and after.
 */
export function watchDirectory(project: Pick<Project, 'state'>, system: string): string {
  return join(project.state, system, 'watch')
}

/** The file of a system's alerts in its watch folder, for `openAlertStore`. */
export function alertFile(project: Pick<Project, 'state'>, system: string): string {
  return join(watchDirectory(project, system), 'alerts.db')
}

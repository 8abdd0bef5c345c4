import { type Clock, timestamp } from '../clock.ts'
import type { Project } from '../project/project.ts'
import { readWalStatus } from '../recovery/wal/wal-status.ts'
import { walStatusFile } from './archive.ts'
import { readRunState } from './run-state.ts'

/** A receiver says where it is every second; one that was silent for this long is stuck or gone. */
const silentAfterMs = 15_000

/**
 * Why the archive of a system on this machine does not store what the system writes, as its receiver said last; undefined while it
 * does, or as far as this machine knows. Backups and WAL from before are not affected, and what was written since is not among them.
 */
export async function archiveTrouble(
  project: Pick<Project, 'state'>,
  system: string,
  clock: Clock,
): Promise<string | undefined> {
  const status = await readWalStatus(walStatusFile(project, system))
  if (status === undefined) return undefined
  const runs = readRunState(project, system)
  // A receiver that has just begun knows of no moment yet, though others before it stored some.
  const since = status.newestMoment ?? status.trouble?.since
  const says = (reason: string) =>
    `the archive ${since === undefined ? 'stores nothing' : `has stored nothing since ${timestamp(since)}`}: ${reason}`
  if (status.trouble) return says(`${status.trouble.code}, ${status.trouble.says}`)
  if (runs === undefined) return undefined
  if (status.pid !== runs.pid.pid || status.state === 'stopped') return says('no receiver runs beside the system')
  if (status.state === 'disconnected') return says('its receiver is not connected to the server')
  if (clock.now() - status.at > silentAfterMs) return says(`its receiver was last heard of at ${timestamp(status.at)}`)
  return undefined
}

import { readRunState } from '../run/run-state.ts'
import { commitOf } from './commit.ts'
import type { WatchedSystem } from './watch-records.ts'

/**
 * Tells which version of a system runs: the commit that was checked out when its start was first seen, so that a start from another one is a release and a
 * checkout alone is none. Undefined while nothing runs, or where there is no repository.
 */
export function runningVersion({ project, system }: WatchedSystem): () => Promise<string | undefined> {
  let seen: { start: string; version: string | null } | undefined
  return async () => {
    const running = readRunState(project, system.name)
    if (running === undefined) return undefined
    const start = JSON.stringify(running.pid)
    if (seen?.start !== start) seen = { start, version: await commitOf(project.root) }
    return seen.version ?? undefined
  }
}

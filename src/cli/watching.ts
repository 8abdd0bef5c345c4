import { existsSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { readSeriesStore } from '../watch/store/series-store.ts'
import { seriesFile, writerOf } from '../watch/store/storage.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import type { WatchedSystem } from './watch-records.ts'

/** Rounds come at least every minute; a watch that was silent for so long has ended or is stuck. */
const silentAfterMs = 180_000

/** Whether somebody watches a system now. */
export interface Watching {
  isWatched: boolean
  /** Number of the process that holds what is measured, be it `aval watch` or `aval up`. */
  process: number | undefined
  /** What is wrong, as the rest of a sentence about the system; empty where it is watched. */
  says: string
  /** What that means for whoever reads figures and alerts; empty where it is watched. */
  therefore: string
}

/** The command that helps; undefined where a watch holds what is measured, since another one could not start. */
export function watchCommand(system: string, { isWatched, process }: Watching): string | undefined {
  return isWatched || process !== undefined ? undefined : `aval watch ${system}`
}

interface Whose {
  project: WatchedSystem['project']
  system: Pick<WatchedSystem['system'], 'name'>
}

/** Reads what a watch left, without disturbing it. */
export function watchingOf({ project, system }: Whose, clock: Clock): Watching {
  const directory = watchDirectory(project, system.name)
  if (!existsSync(seriesFile(directory))) {
    const therefore = 'nothing was measured and nothing judged yet'
    return { isWatched: false, process: undefined, says: 'was never watched', therefore }
  }
  const holder = writerOf(directory)
  const store = readSeriesStore(directory)
  try {
    const matchers = [{ label: '__name__', op: '=' as const, value: 'up' }]
    const [seen] = store.select(matchers, clock.now() - silentAfterMs, clock.now())
    if (seen !== undefined) return { isWatched: true, process: holder, says: '', therefore: '' }
  } finally {
    store.close()
  }
  const says =
    holder === undefined
      ? 'is watched by nobody now'
      : `is held by a watch, process ${holder}, that has measured nothing for 3 minutes`
  return { isWatched: false, process: holder, says, therefore: 'what is told here is of the last watch' }
}

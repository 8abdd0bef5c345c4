import type { TestContext } from 'node:test'
import { systemClock } from '../clock.ts'
import { seededRandom } from '../random.ts'
import { startWatch, type WatchOptions } from './watch.ts'

/** A watch that runs until its test ends, and all that it says. */
export interface StartedWatch {
  /** Each alert that a notice told of, with its status. */
  told: string[]
  /** Each source that gave nothing; with ` again` where it gives something again. */
  trouble: string[]
  acted: string[]
  /** Where heartbeats are heard; empty until they are. */
  receiver: { url: string }
  stop(): Promise<void>
}

/** Watches a plan in a folder, where nothing runs and nothing is backed up unless `options` say otherwise. */
export function startedWatch(
  t: TestContext,
  directory: string,
  options: Pick<WatchOptions, 'plan'> & Partial<WatchOptions>,
): StartedWatch {
  const told: string[] = []
  const trouble: string[] = []
  const acted: string[] = []
  const receiver = { url: '' }
  const ending = new AbortController()
  const { done } = startWatch({
    directory,
    whereabouts: {
      serviceUrl: () => undefined,
      databaseUrls: () => undefined,
      dataPath: directory,
      systemPath: directory,
    },
    clock: systemClock,
    random: seededRandom(1),
    variables: {},
    everyMs: 50,
    verdictsAfterMs: 0,
    recoveryFacts: async () => ({
      backups: [],
      failures: new Map(),
      restorableUntilMs: undefined,
      oldestUnstoredMs: undefined,
      evidence: [],
    }),
    guarantees: async () => [],
    perform: {},
    version: async () => undefined,
    listener: {
      noticed: ({ alerts }) => told.push(...alerts.map(({ alert, status }) => `${alert} ${status}`)),
      opened: () => undefined,
      untold: () => undefined,
      acted: ({ action, state, reason }) =>
        acted.push(`${action} ${state}${reason === undefined ? '' : `: ${reason}`}`),
      listening: (url) => {
        receiver.url = url
      },
      delivered: () => undefined,
      trouble: (what) => trouble.push(what),
      recovered: (what) => trouble.push(`${what} again`),
    },
    signal: ending.signal,
    ...options,
  })
  const stop = async () => {
    ending.abort()
    await done
  }
  t.after(stop)
  return { told, trouble, acted, receiver, stop }
}

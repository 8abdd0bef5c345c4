import { z } from 'zod'
import { type ApiOptions, createRequest, refusal } from '../request.ts'
import { type CrashContext, crashOf } from './crash.ts'
import { type CrashReport, crashReport, type UsageEvent } from './wire.ts'

/** Where a device keeps reports until they are sent. They tell of nobody and need no sealing. */
export interface ReportKeeper {
  load(): Promise<string | undefined>
  save(text: string): Promise<void>
}

export interface AppReportsOptions extends Omit<ApiOptions, 'device'>, CrashContext {
  keeper: ReportKeeper
  /** A random UUID. */
  newId: () => string
  /** Asked before anything is sent; what is kept is thrown away when the person does not agree. */
  agreed: () => Promise<boolean>
}

/** What an app tells of itself: that it crashed, and how often it is used. There is no way to tell more. */
export interface AppReports {
  /** Keeps a report of a crash; it is sent later, since the process may be about to end. */
  crashed(thrown: unknown, kind?: CrashReport['kind']): Promise<void>
  /** Counts one event of use. What was not sent when the app ends is forgotten. */
  used(event: UsageEvent['event'], role: UsageEvent['role']): void
  /**
   * Sends what there is.
   * @returns how much was sent
   * @throws SyncError when the server refuses, TransientError when it cannot be reached; what was not taken stays
   */
  send(): Promise<{ crashes: number; events: number }>
}

const crashesKept = 20
const eventsKept = 100
const kept = z.array(crashReport)

export function createAppReports(options: AppReportsOptions): AppReports {
  const { keeper, newId, agreed } = options
  const request = createRequest(options)
  let events: UsageEvent[] = []
  const post = async (path: string, body: unknown) => {
    const answer = await request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (answer.status !== 200) throw refusal(answer.status, answer.body)
  }
  /** What was changed on the disk, or is of another version, is as if there were none. */
  const load = async (): Promise<CrashReport[]> => {
    try {
      return kept.parse(JSON.parse((await keeper.load()) ?? '[]'))
    } catch {
      return []
    }
  }
  return {
    crashed: async (thrown, kind = 'crash') => {
      const report = crashOf(thrown, kind, newId(), options)
      await keeper.save(JSON.stringify([...(await load()), report].slice(-crashesKept)))
    },
    used: (event, role) => {
      events = [...events, { event, role }].slice(-eventsKept)
    },
    send: async () => {
      const crashes = await load()
      if (!(await agreed())) {
        if (crashes.length > 0) await keeper.save('[]')
        events = []
        return { crashes: 0, events: 0 }
      }
      for (const [index, crash] of crashes.entries()) {
        await post('/app/crashes', crash)
        await keeper.save(JSON.stringify(crashes.slice(index + 1)))
      }
      const sending = events
      if (sending.length > 0) await post('/app/usage', { events: sending })
      events = events.filter((event) => !sending.includes(event))
      return { crashes: crashes.length, events: sending.length }
    },
  }
}

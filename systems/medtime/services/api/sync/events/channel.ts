import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { SessionEnds } from '../../identity/session-ends.ts'

/** How instances tell each other, in short texts, that something changed. A text may be lost with the instance that had it. */
export interface Channel extends SessionEnds {
  /** Sent soon, together with others; the same text twice at once is sent once. Never waits and never fails. */
  send(text: string): void
  /** Told every text that another instance sent. */
  onText(listener: (text: string) => void): void
  close(): Promise<void>
}

/** For one instance alone: there is nobody to tell. */
export const silentChannel: Channel = {
  send: () => undefined,
  onText: () => undefined,
  onSessionEnd: () => undefined,
  onGap: () => undefined,
  close: () => Promise.resolve(),
}

const name = 'srv_changed'
/** What the database itself notifies of, in the commit that ends a session. */
const endsName = 'srv_session_ended'
/** Postgres takes less than 8,000 bytes at once. */
const payloadBytes = 7_900
/** Texts of this long are gathered: a notification costs a commit, and commits with one wait for each other. */
const gatherMs = 100
/** Texts kept while there is no connection; of more, nobody is told but that there were. */
const keptTexts = 10_000
const firstRetryMs = 250
const longestRetryMs = 5_000

/**
 * LISTEN and NOTIFY on a connection of its own, which comes back by itself. Writes do not notify in their own transaction:
 * Postgres lets such commits through one by one, and pushes would queue for it.
 * @param url not by way of a pooler that gives connections out by transaction: nothing would be heard
 */
export function postgresChannel(url: string, onLost: () => void): Channel {
  const texts: ((text: string) => void)[] = []
  const ends: ((name: string) => void)[] = []
  const gaps: (() => void)[] = []
  const pending = new Set<string>()
  let client: Client | undefined
  let sending = false
  let closed = false

  const flush = async () => {
    if (sending) return
    sending = true
    while (client !== undefined && pending.size > 0) {
      await sleep(gatherMs, undefined, { ref: false })
      const batch = firstOf(pending)
      try {
        await client?.query({ name: 'notify', text: 'SELECT pg_notify($1, $2)', values: [name, batch.join(' ')] })
        for (const text of batch) pending.delete(text)
      } catch {
        // The connection is lost; what was not sent is sent by the next one.
        break
      }
    }
    sending = false
  }

  const connect = async (): Promise<Client> => {
    const next = new Client({ connectionString: url, keepAlive: true, application_name: 'medtime-events' })
    const lost = new Promise<void>((resolve) => {
      next.on('error', () => resolve())
      next.on('end', () => resolve())
    })
    await next.connect()
    // A notification is nothing to wait for the disk for.
    await next.query('SET synchronous_commit = off')
    const { rows } = await next.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    next.on('notification', ({ channel, processId, payload }) => {
      if (processId === rows[0]?.pid || payload === undefined) return
      const listeners = channel === endsName ? ends : texts
      for (const text of payload.split(' ')) for (const listener of listeners) listener(text)
    })
    await next.query(`LISTEN ${name}; LISTEN ${endsName}`)
    void lost.then(() => {
      if (client === next) client = undefined
      void next.end().catch(() => undefined)
      if (closed) return
      onLost()
      void keep(true)
    })
    return next
  }

  const keep = async (again: boolean) => {
    for (let waitMs = firstRetryMs; !closed; waitMs = Math.min(longestRetryMs, waitMs * 2)) {
      try {
        const next = await connect()
        if (closed) return void (await next.end())
        client = next
        if (again) for (const listener of gaps) listener()
        return void flush()
      } catch {
        await sleep(waitMs, undefined, { ref: false })
        // Whoever listens from here on was not listening before.
        again = true
      }
    }
  }
  void keep(false)

  return {
    send: (text) => {
      if (pending.size >= keptTexts) return
      pending.add(text)
      void flush()
    },
    onText: (listener) => void texts.push(listener),
    onSessionEnd: (listener) => void ends.push(listener),
    onGap: (listener) => void gaps.push(listener),
    close: async () => {
      closed = true
      await client?.end().catch(() => undefined)
    },
  }
}

/** As many as fit into one notification. */
function firstOf(pending: ReadonlySet<string>): string[] {
  const batch: string[] = []
  let bytes = 0
  for (const text of pending) {
    bytes += text.length + 1
    if (bytes > payloadBytes) break
    batch.push(text)
  }
  return batch
}

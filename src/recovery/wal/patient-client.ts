import type { Client } from 'pg'
import { connect } from '../../postgres/connection.ts'

/** A connection that is made when it is needed and made again when it broke, and waits for no answer for ever. */
export interface PatientClient {
  /** One work at a time. Rejects when there is no connection, or no end of the work in time. */
  run<T>(work: (client: Client) => Promise<T>): Promise<T>
  /** Ends it, politely when the server takes part. Work that is under way fails. */
  end(): Promise<void>
}

const goodbyeMs = 1_000

/** @param answerMs longest time for one work: a server that was frozen answers nothing and closes nothing. */
export function patientClient(url: string, answerMs: number): PatientClient {
  let client: Client | undefined
  let ended = false
  let last: Promise<unknown> = Promise.resolve()

  const once = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    let patience: NodeJS.Timeout | undefined
    try {
      client ??= await connect(url)
      if (ended) throw new Error('the connection was ended')
      patience = setTimeout(drop, answerMs, client)
      return await work(client)
    } catch (error) {
      if (client) drop(client)
      client = undefined
      throw error
    } finally {
      clearTimeout(patience)
    }
  }
  return {
    run: (work) => {
      const next = last.then(() => once(work))
      last = next.catch(() => undefined)
      return next
    },
    end: async () => {
      ended = true
      const cut = new Promise<void>((resolve) => {
        setTimeout(resolve, goodbyeMs).unref()
      })
      // Whoever still waits to be connected finds out by itself.
      await Promise.race([last, cut])
      const open = client
      client = undefined
      if (!open) return
      const timer = setTimeout(drop, goodbyeMs, open)
      await open.end().catch(() => undefined)
      clearTimeout(timer)
    },
  }
}

/** Cuts the connection. */
function drop(client: Client): void {
  client.connection.stream.destroy()
}

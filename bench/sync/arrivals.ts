import { Agent } from 'node:http'
import { type Call, exchange } from './load.ts'

export interface Arrived<Kind> {
  kind: Kind
  /** From when it was due, not from when it was sent: a server that is behind makes nobody else come later. */
  ms: number
}

/** Sends so many requests a second, evenly, whether or not those before were answered. Rejects at the first answer that does not say yes. */
export async function arrive<Kind>(
  address: string,
  rate: number,
  seconds: number,
  next: () => Call & { kind: Kind },
): Promise<Arrived<Kind>[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  const arrived: Arrived<Kind>[] = []
  const open: Promise<void>[] = []
  const started = performance.now()
  const count = rate * seconds
  let failed: unknown
  try {
    for (let sent = 0; sent < count && failed === undefined; sent++) {
      const due = started + (sent * 1000) / rate
      const early = due - performance.now()
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
      const call = next()
      open.push(
        exchange(agent, address, call).then(
          () => void arrived.push({ kind: call.kind, ms: performance.now() - due }),
          (error: unknown) => {
            failed ??= error
          },
        ),
      )
    }
    await Promise.all(open)
  } finally {
    agent.destroy()
  }
  if (failed !== undefined) throw failed
  return arrived
}

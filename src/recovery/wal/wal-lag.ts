import type { Lsn } from './lsn.ts'

/** How far a receiver is behind the server. */
export interface WalLag {
  /** Bytes the server has written that did not arrive. */
  receivedBytes: number
  /** Bytes that would be lost with the server and the memory of the receiver. */
  spooledBytes: number
  /** Bytes that would be lost with the server and the machine of the receiver. */
  storedBytes: number
  /**
   * Milliseconds for which the oldest WAL that is not stored has been waiting; 0 when all of it is. Without a connection
   * nobody knows what the server writes: then at least the time since its last sign of life.
   */
  storedMs: number
}

export interface LagMeter {
  /** The server is alive and has written up to `lsn`. */
  server(lsn: Lsn): void
  /** Positions of another timeline begin: the former ones are not comparable. */
  restart(lsn: Lsn): void
  serverEnd(): Lsn
  lag(positions: { received: Lsn; spooled: Lsn; stored: Lsn }, connected: boolean): WalLag
}

interface Sample {
  /** The server had written this much ... */
  lsn: Lsn
  /** ... at this moment or a little later. */
  at: number
}

const sampleEveryMs = 100
const mostSamples = 2_048

/** Remembers when the server was seen where, which tells how old the WAL is that waits. */
export function lagMeter(now: () => number, start: Lsn): LagMeter {
  let samples: Sample[] = []
  let end = start
  let heardAt = now()

  const thin = () => {
    // Two neighbours become one that claims the later position at the earlier moment: never less lag than there is.
    samples = samples.flatMap((sample, index) =>
      index % 2 === 0 ? [{ at: sample.at, lsn: samples[index + 1]?.lsn ?? sample.lsn }] : [],
    )
  }
  return {
    server: (lsn) => {
      heardAt = now()
      if (lsn <= end) return
      end = lsn
      const last = samples.at(-1)
      if (last && heardAt - last.at < sampleEveryMs && heardAt >= last.at) last.lsn = lsn
      else samples.push({ lsn, at: heardAt })
      if (samples.length > mostSamples) thin()
    },
    restart: (lsn) => {
      end = lsn
      samples = []
    },
    serverEnd: () => end,
    lag: ({ received, spooled, stored }, connected) => {
      const behind = (lsn: Lsn) => (lsn < end ? Number(end - lsn) : 0)
      while (samples[0] && samples[0].lsn <= stored) samples.shift()
      // A clock that was put back must not make the wait negative.
      const since = (at: number | undefined) => (at === undefined ? 0 : Math.max(0, now() - at))
      return {
        receivedBytes: behind(received),
        spooledBytes: behind(spooled),
        storedBytes: behind(stored),
        storedMs: Math.max(since(samples[0]?.at), connected ? 0 : since(heardAt)),
      }
    },
  }
}

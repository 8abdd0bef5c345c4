import { SyncError } from '../client/request.ts'
import { createSyncClient, type SyncClient } from '../client/sync-client.ts'
import type { TokenSource } from './token-source.ts'
import { sha256 } from './wire.ts'

/**
 * Longest a client of the exercise waits before it tries again, milliseconds. An app waits seconds; here that would blur how
 * soon a system serves again.
 */
const patienceMs = 100

export interface DeviceOptions {
  address: () => string
  tokens: TokenSource
  user: string
  device: string
  now: () => number
}

/** A device of a synthetic user, through the SDK that the apps use. */
export interface Device {
  client: SyncClient
  /** Runs an operation of the client; once more with a new token when the present one is refused. */
  attempt<T>(work: (client: SyncClient) => Promise<T>): Promise<T>
}

export function device({ address, tokens, user, device: name, now }: DeviceOptions): Device {
  const client = createSyncClient({
    address,
    token: tokens.current,
    user,
    device: name,
    // No secret: the user is made up, and another run has to read what this one wrote.
    masterKeys: [Buffer.from(sha256(`master key of ${user}`), 'hex')],
    clock: { now, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, patienceMs))) },
  })
  return {
    client,
    attempt: async (work) => {
      try {
        return await work(client)
      } catch (error) {
        if (!(error instanceof SyncError && error.status === 401)) throw error
        tokens.renew()
        return work(client)
      }
    },
  }
}

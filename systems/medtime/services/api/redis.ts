const connectMs = 2_000
const longestPauseMs = 5_000

export type Redis = Awaited<ReturnType<typeof connectRedis>>

/**
 * A connection to Redis or Valkey that is made again for as long as the process lives. The client is loaded only here: its 480 modules would
 * cost everybody else a tenth of a second and 15 MB at each start.
 * @param url `redis://` or `rediss://`; one server or a primary with replicas, not a cluster
 */
export async function connectRedis(url: string) {
  const { createClient } = await import('@redis/client')
  const client = createClient({
    url,
    // What cannot be asked now is not worth waiting for.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: connectMs,
      reconnectStrategy: (tries) => Math.min(100 * 2 ** Math.min(tries, 10), longestPauseMs),
    },
  })
  // Without a listener a lost connection would end the process.
  client.on('error', () => undefined)
  client.connect().catch(() => undefined)
  return client
}

/** Collects items and sends them together, so that nothing that is measured waits for who reads it. */
export interface Batches<Item> {
  add(item: Item): void
  /** Sends what is there; resolves when that was taken or given up. */
  flush(): Promise<void>
  /** The last are sent, and no timer is left. */
  close(): Promise<void>
}

/**
 * At most `most` items wait; what comes on top is dropped and told, as is a batch whose sending failed.
 * @param everyMs how often they are sent
 * @param send rejects when it was not taken
 * @param onDropped told how many are lost
 */
export function batches<Item>(options: {
  most: number
  atOnce: number
  everyMs: number
  send: (items: readonly Item[]) => Promise<void>
  onDropped: (count: number) => void
}): Batches<Item> {
  const { most, atOnce, everyMs, send, onDropped } = options
  let waiting: Item[] = []
  let sending: Promise<void> | undefined
  const sendAll = async () => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, atOnce)
      waiting = waiting.slice(atOnce)
      await send(batch).catch(() => onDropped(batch.length))
    }
  }
  const flush = () => {
    sending ??= sendAll().finally(() => {
      sending = undefined
    })
    return sending
  }
  const timer = setInterval(() => void flush(), everyMs).unref()
  return {
    add: (item) => {
      if (waiting.length >= most) return onDropped(1)
      waiting.push(item)
      if (waiting.length === atOnce) void flush()
    },
    flush,
    close: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}

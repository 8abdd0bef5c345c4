/** Hands things from whoever has them to whoever waits for them, in order. */
export interface Channel<T> {
  push(item: T): void
  end(): void
  fail(error: unknown): void
  /** To be gone through once. */
  items: AsyncIterable<T>
}

export function channel<T>(): Channel<T> {
  const waiting: T[] = []
  let over: { error: unknown } | 'ended' | undefined
  let wake = () => {}
  async function* items(): AsyncIterable<T> {
    for (;;) {
      while (waiting.length > 0) {
        const [item] = waiting.splice(0, 1)
        if (item !== undefined) yield item
      }
      if (over === 'ended') return
      if (over) throw over.error
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const finish = (how: typeof over) => {
    over ??= how
    wake()
  }
  return {
    push: (item) => {
      waiting.push(item)
      wake()
    },
    end: () => finish('ended'),
    fail: (error) => finish({ error }),
    items: items(),
  }
}

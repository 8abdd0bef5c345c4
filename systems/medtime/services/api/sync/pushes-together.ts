import type { Push, PushOutcome } from './write.ts'

/** How pushes are written: one in a transaction of its own, or several that share one. */
export interface Writing {
  alone(push: Push): Promise<PushOutcome>
  /** Answers each, in their order; undefined for one that was not looked at. */
  together(pushes: readonly Push[]): Promise<(PushOutcome | undefined)[]>
}

interface Waiting {
  push: Push
  resolve(outcome: PushOutcome): void
  reject(reason: unknown): void
}

/** Bytes of blobs: a larger push costs more than the statement that carries it, and goes by itself. */
const smallBytes = 65_536
/** Of what goes together: one transaction holds the locks of all its users until it ends. */
const most = { pushes: 32, bytes: 262_144 }
/** Calls of each kind under way, while which others gather. */
const callsAtOnce = 2

/**
 * Writes small pushes that come while others are under way together, and so for a third of the work each. What stands in the way of one of
 * them does so for no other: a push that the shared transaction does not look at, or that was in one that failed, is written alone.
 * That nobody waits behind a lock holds because calls for several never wait for one, and calls for one are not waited for.
 */
export function pushesTogether({ alone, together }: Writing): (push: Push) => Promise<PushOutcome> {
  let waiting: Waiting[] = []
  let scheduled = false
  const underWay = { alone: 0, together: 0 }

  const byItself = ({ push, resolve, reject }: Waiting) => alone(push).then(resolve, reject)
  const begin = () => {
    if (scheduled || waiting.length === 0) return
    scheduled = true
    // Those that were counted together come together.
    setImmediate(() => {
      scheduled = false
      turn()
    })
  }
  const track = (kind: keyof typeof underWay, work: Promise<unknown>) => {
    underWay[kind]++
    void work.finally(() => {
      underWay[kind]--
      begin()
    })
  }
  const turn = () => {
    const [only] = waiting
    if (only !== undefined && waiting.length === 1 && underWay.alone < callsAtOnce) {
      waiting = []
      track('alone', byItself(only))
      return
    }
    while (waiting.length > 0 && underWay.together < callsAtOnce) {
      const count = fitting(waiting)
      track('together', share(waiting.slice(0, count)))
      waiting = waiting.slice(count)
    }
  }
  const share = async (group: readonly Waiting[]) => {
    // One that failed for all of them may have failed for one of them.
    const outcomes = await together(group.map(({ push }) => push)).catch(() => [])
    for (const [index, each] of group.entries()) {
      const outcome = outcomes[index]
      if (outcome === undefined) void byItself(each)
      else each.resolve(outcome)
    }
  }
  return (push) => {
    if (push.batch.blobs.length > smallBytes) return alone(push)
    return new Promise((resolve, reject) => {
      waiting.push({ push, resolve, reject })
      begin()
    })
  }
}

/** How many of those that wait go together, at least one. */
function fitting(waiting: readonly Waiting[]): number {
  let bytes = 0
  const end = waiting.findIndex(({ push }, index) => {
    bytes += push.batch.blobs.length
    return index >= most.pushes || (index > 0 && bytes > most.bytes)
  })
  return end < 0 ? waiting.length : end
}

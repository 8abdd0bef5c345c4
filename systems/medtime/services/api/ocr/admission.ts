/** How much is taken on. */
export interface Capacity {
  /** Processes that run at once. */
  atOnce: number
  /** Requests beyond those that may be in hand, arriving or waiting. */
  waiting: number
  /** Requests of one user in hand, so that nobody takes the places of all. */
  perUser: number
}

export interface Admission {
  /** Takes a request in hand before its body is read, or says why not. */
  admit(user: string): Place | 'full' | 'too-many'
}

export interface Place {
  /** Asks for a turn; resolves when it is this one's. */
  turn(): Promise<void>
  /** Gives everything back; more than once does no harm. */
  leave(): void
}

/** Turns go in the order in which they are asked for. */
export function createAdmission({ atOnce, waiting, perUser }: Capacity): Admission {
  const inHand = new Map<string, number>()
  let total = 0
  let working = 0
  const queue: (() => void)[] = []
  const enter = (user: string, change: 1 | -1) => {
    total += change
    const count = (inHand.get(user) ?? 0) + change
    if (count === 0) inHand.delete(user)
    else inHand.set(user, count)
  }
  return {
    admit: (user) => {
      if (total >= atOnce + waiting) return 'full'
      if ((inHand.get(user) ?? 0) >= perUser) return 'too-many'
      enter(user, 1)
      let state: 'admitted' | 'waiting' | 'working' | 'left' = 'admitted'
      let begin: () => void = () => undefined
      return {
        turn: () =>
          new Promise((resolve) => {
            if (state !== 'admitted') throw new Error('a turn is asked for once, before leaving')
            begin = () => {
              state = 'working'
              working++
              resolve()
            }
            if (working < atOnce) begin()
            else {
              state = 'waiting'
              queue.push(begin)
            }
          }),
        leave: () => {
          if (state === 'left') return
          if (state === 'waiting') queue.splice(queue.indexOf(begin), 1)
          const worked = state === 'working'
          state = 'left'
          enter(user, -1)
          if (!worked) return
          working--
          queue.shift()?.()
        },
      }
    },
  }
}

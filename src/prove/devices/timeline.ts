import type { Random } from '../../random.ts'

/**
 * Simulated time of one household: events in the order of their moments, one after the other. Nothing happens while a device is still at
 * work in between, so that the order depends on the seed alone, whatever the real machine is doing.
 */
export interface Timeline {
  /** Milliseconds of simulated time. */
  now(): number
  /** Does something at a moment; what is past happens next. */
  at(moment: number, work: () => void | Promise<void>): void
  /** Somebody who acts and waits in turns. */
  worker(): Worker
  /** Does everything that is due before a moment, and lets time stand there. @throws what the work of an event threw */
  run(until: number): Promise<void>
  /** As `run`, until nobody is at work any more and no event is left. */
  finish(): Promise<void>
}

export interface Worker {
  /** Counts as at work until the promise is settled. */
  works<T>(work: () => Promise<T>): Promise<T>
  /** Resolves at a moment, after what is to be done then; meanwhile the worker is not at work. */
  waits<T>(moment: number, work: () => Promise<T>): Promise<T>
}

interface Event {
  moment: number
  /** Events of one moment happen in the order they were asked for. */
  order: number
  work: () => void | Promise<void>
}

export function createTimeline(start: number): Timeline {
  const events: Event[] = []
  const workers: { active: number; waiting: number }[] = []
  let now = start
  let order = 0
  let changed = () => {}

  const busy = () => workers.some(({ active, waiting }) => active > 0 && waiting === 0)
  /** Promises that are ready go first; then whoever is at work ends or waits. */
  const settled = async (): Promise<void> => {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (!busy()) return
      await new Promise<void>((resolve) => {
        changed = resolve
      })
    }
  }
  const at = (moment: number, work: Event['work']) => {
    const event = { moment: Math.max(moment, now), order: order++, work }
    const place = events.findIndex((other) => other.moment > event.moment)
    if (place === -1) events.push(event)
    else events.splice(place, 0, event)
  }
  const drive = async (goesOn: (next: Event | undefined) => boolean): Promise<void> => {
    for (;;) {
      await settled()
      const [next] = events
      if (next === undefined || !goesOn(next)) return
      events.shift()
      now = next.moment
      await next.work()
    }
  }
  return {
    now: () => now,
    at,
    worker: () => {
      const state = { active: 0, waiting: 0 }
      workers.push(state)
      return {
        works: async (work) => {
          state.active++
          try {
            return await work()
          } finally {
            state.active--
            changed()
          }
        },
        waits: (moment, work) =>
          new Promise((resolve, reject) => {
            state.waiting++
            at(moment, async () => {
              const outcome = await Promise.allSettled([work()])
              state.waiting--
              for (const each of outcome) {
                if (each.status === 'fulfilled') resolve(each.value)
                else reject(each.reason)
              }
            })
            changed()
          }),
      }
    },
    run: async (until) => {
      await drive((next) => next !== undefined && next.moment < until)
      now = Math.max(now, until)
    },
    finish: () => drive((next) => next !== undefined),
  }
}

/** Exponentially distributed, with a mean: how long until something happens that may happen at any moment. */
export function spell(random: Random, mean: number): number {
  return -Math.log(1 - random.next()) * mean
}

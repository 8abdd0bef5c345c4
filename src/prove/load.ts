import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { Random } from '../random.ts'
import type { Ack, Actor, Exercise } from './exercise.ts'

/** Clients at work. Every acknowledgement is kept, since each is a promise that a proof will hold the system to. */
export interface Load {
  acks: readonly Ack[]
  /** Operations that were refused or found nobody; they promise nothing. */
  failures: readonly { at: number; reason: string }[]
  /** Lets running operations end and resolves when all clients are quiet. */
  stop(): Promise<void>
}

/** Drives every actor in a loop of its own, one operation after the other, until stopped. */
export function startLoad(options: {
  exercise: Exercise
  actors: readonly Actor[]
  random: Random
  clock: Clock
  /** Rest after a failure, so that an outage is not answered with a storm. */
  restMs?: number
}): Load {
  const { exercise, actors, random, clock } = options
  const acks: Ack[] = []
  const failures: { at: number; reason: string }[] = []
  const stopping = new AbortController()
  const drive = async (actor: Actor) => {
    const own = random.fork(actor.id)
    while (!stopping.signal.aborted) {
      try {
        acks.push(await exercise.step(actor, own))
      } catch (error) {
        failures.push({ at: clock.now(), reason: messageOf(error) })
        await clock.sleep(options.restMs ?? 50, stopping.signal).catch(() => undefined)
      }
    }
  }
  const loops = Promise.all(actors.map(drive))
  return {
    acks,
    failures,
    stop: async () => {
      stopping.abort()
      await loops
    },
  }
}

/**
 * Waits until a load has at least `count` acknowledgements of writes that were sent after a moment.
 * @throws after `timeoutMs`, with the last failure.
 */
export async function untilWrites(
  load: Load,
  count: number,
  clock: Clock,
  timeoutMs: number,
  after = 0,
): Promise<void> {
  const deadline = clock.now() + timeoutMs
  const enough = () => load.acks.filter((ack) => ack.kind === 'write' && ack.sentAt > after).length >= count
  while (!enough()) {
    if (clock.now() > deadline) {
      const reason = load.failures.at(-1)?.reason ?? 'no failure told'
      throw new Error(`fewer than ${count} writes were acknowledged within ${timeoutMs} ms: ${reason}`)
    }
    await clock.sleep(20)
  }
}

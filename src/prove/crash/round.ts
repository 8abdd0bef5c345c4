import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { messageOf } from '../../errors.ts'
import type { Random } from '../../random.ts'
import type { Actor, Exercise } from '../exercise.ts'
import { startLoad, untilWrites } from '../load.ts'
import { type ReadBack, readBackAll } from '../read-back.ts'
import type { Rig, Victim } from './rig.ts'

export type Phase = 'push' | 'backup' | 'restore'

/** What one kill came to. */
export interface Round {
  phase: Phase
  victim: Victim
  /** Milliseconds into the phase at which it was killed. */
  afterMs: number
  /** Acknowledged writes that were asked for afterwards, and those that were not there as promised. */
  writes: number
  missing: number
  /** What did not recover as it should have; empty when all did. */
  troubles: string[]
}

const victims: Record<Phase, readonly Victim[]> = {
  push: ['up', 'postgres', 'service'],
  backup: ['command', 'up', 'postgres', 'service'],
  restore: ['command', 'up', 'postgres', 'service'],
}
/** How long a system may take to serve again, milliseconds. */
export const servesWithinMs = 60_000

/**
 * One kill -9 at a random moment while clients push, and while a backup or a restore runs in its phase. Afterwards the next
 * start must recover by itself, every acknowledged write must be there, and the same command must succeed when given again.
 */
export async function crashRound(options: {
  rig: Rig
  exercise: Exercise
  actors: readonly Actor[]
  random: Random
  clock: Clock
  phase: Phase
}): Promise<Round> {
  const { rig, exercise, actors, random, clock, phase } = options
  const victim = random.pick(victims[phase])
  const afterMs = random.int(phase === 'push' ? 400 : 1_200)
  const troubles: string[] = []
  await rig.up()
  const target = join(rig.project.root, 'restored')
  const args = phase === 'backup' ? ['backup', 'create'] : ['restore', '--at', 'latest', '--to', target]
  const system = rig.project.systems[0] ?? ''
  const order = [...args.slice(0, phase === 'backup' ? 2 : 1), system, ...args.slice(phase === 'backup' ? 2 : 1)]
  if (phase === 'restore') await expectSuccess(rig, troubles, 'backup', 'create', system)

  const load = startLoad({ exercise, actors, random, clock })
  try {
    await untilWrites(load, actors.length, clock, servesWithinMs)
    const command = phase === 'push' ? undefined : await rig.command(...order)
    await clock.sleep(afterMs)
    const killingAt = clock.now()
    if (victim === 'command') command?.signal('SIGKILL')
    const killed = victim === 'command' || (await rig.kill(victim))
    const killedAt = clock.now()
    await command?.ended
    await rig.up()
    if (victim === 'postgres' && killed) await rig.serverBackAfter(killingAt)
    // The clients never stopped: the system has recovered once one of them is answered that asked after the kill.
    await untilWrites(load, 1, clock, servesWithinMs, killedAt)
  } catch (error) {
    troubles.push(messageOf(error))
  } finally {
    await load.stop()
  }
  if (phase === 'restore') await rm(target, { recursive: true, force: true })
  if (phase !== 'push') await expectSuccess(rig, troubles, ...order)
  if (phase === 'backup') await expectSuccess(rig, troubles, 'backup', 'verify', system)
  await rm(target, { recursive: true, force: true })

  // Backends outlive a killed postmaster by a moment and may have been the ones that answered: what cannot be asked just now
  // is asked again, and what cannot be asked at all is a trouble.
  const result = await readBackAll(patiently(exercise, clock), load.acks).catch((error: unknown): ReadBack => {
    troubles.push(`acknowledged writes could not be asked for: ${messageOf(error)}`)
    return { kept: [], lost: [], altered: [] }
  })
  const missing = result.lost.length + result.altered.length
  return { phase, victim, afterMs, writes: result.kept.length + missing, missing, troubles }
}

/** As an exercise, but what cannot be asked just now is asked again for a while. */
export function patiently(exercise: Exercise, clock: Clock): Exercise {
  return {
    ...exercise,
    readBack: async (ack) => {
      const deadline = clock.now() + servesWithinMs
      for (;;) {
        try {
          return await exercise.readBack(ack)
        } catch (error) {
          if (clock.now() > deadline) throw error
          await clock.sleep(100)
        }
      }
    },
  }
}

/** Runs a command to its end; one that fails is a trouble. */
export async function expectSuccess(rig: Rig, troubles: string[], ...args: string[]): Promise<void> {
  const { code, output } = await rig.run(...args)
  if (code !== 0)
    troubles.push(`aval ${args.join(' ')} ended with ${code}: ${output.trim().split('\n').slice(-4).join(' | ')}`)
}

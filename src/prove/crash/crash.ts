import type { Clock } from '../../clock.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { System } from '../../project/project.ts'
import { type Random, seededRandom } from '../../random.ts'
import { readRunState } from '../../run/run-state.ts'
import type { Actor, Exercise } from '../exercise.ts'
import { loadExercise } from '../load-exercise.ts'
import type { Finding } from '../prover.ts'
import { recordSteps } from '../steps.ts'
import { buildRig, type Rig } from './rig.ts'
import { crashRound, type Phase, type Round } from './round.ts'

/** The guarantee that kills are evidence of. */
export const crashGuarantee = 'recovery/kill/acknowledged-writes'

const phases: readonly Phase[] = ['push', 'backup', 'restore']
const clients = 3

export interface SoakOptions {
  guarantee: Guarantee
  system: System
  /** How this Aval is called: program and first arguments. */
  aval: readonly [string, ...string[]]
  clock: Clock
  seed: number
  signal: AbortSignal
  /** Asked before each round: whether to go on, given the rounds done. */
  until(rounds: number): boolean
  told(round: Round, rounds: number): void
}

/** What a round has to work with. */
export interface Scene {
  rig: Rig
  exercise: Exercise
  /** An exercise of its own for a system at other addresses. */
  exerciseAt(address: (service: string) => string): Exercise
  actors: readonly Actor[]
  random: Random
  clock: Clock
}

/** Kills Aval, Postgres or a service, again and again, at random moments of a push, a backup and a restore. */
export function crashRepeatedly(options: SoakOptions): Promise<Finding> {
  const phaseOf = (index: number) => phases[index % phases.length] ?? 'push'
  return soak(options, {
    name: (index) => `kill ${index + 1} in a ${phaseOf(index)}`,
    play: (scene, index) => crashRound({ ...scene, phase: phaseOf(index) }),
    well: (rounds, writes) =>
      `After each of ${rounds} kills the next start recovered, and all ${writes} acknowledged writes were there`,
  })
}

/** Plays rounds on the real command line until told to end, and counts what was missing. */
export async function soak(
  options: SoakOptions,
  game: {
    name(index: number): string
    play(scene: Scene, index: number): Promise<Round>
    /** The reason when nothing was missing. */
    well(rounds: number, writes: number): string
  },
): Promise<Finding> {
  const { clock, guarantee, system } = options
  const startedAt = clock.now()
  const factory = await loadExercise(system)
  const steps = recordSteps(clock, () => undefined)
  if (!factory) {
    const reason = 'The plan names no exercise'
    return {
      guarantee,
      outcome: 'inconclusive',
      steps: [],
      reason,
      remedy: 'Write one as docs/exercise.md shows',
      startedAt,
      tookMs: 0,
    }
  }
  const rig = await buildRig({ system, aval: options.aval, clock })
  const rounds: Round[] = []
  try {
    await rig.up()
    const exerciseAt = (address: (service: string) => string) => factory({ address, now: clock.now })
    const exercise = exerciseAt((service) => {
      const address = readRunState(rig.project, system.name)?.addresses[service]
      if (address === undefined) throw new Error(`${service} does not run just now`)
      return address
    })
    const random = seededRandom(options.seed).fork('crash')
    const actors = await exercise.actors(options.seed, clients)
    while (options.until(rounds.length) && !options.signal.aborted) {
      const index = rounds.length
      const name = game.name(index)
      const scene = { rig, exercise, exerciseAt, actors, random: random.fork(name), clock }
      const round = await steps.do(name, () => game.play(scene, index), describe)
      rounds.push(round)
      options.told(round, rounds.length)
    }
  } finally {
    await rig.dispose()
  }
  const writes = rounds.reduce((sum, round) => sum + round.writes, 0)
  const missing = rounds.reduce((sum, round) => sum + round.missing, 0)
  const troubled = rounds.filter((round) => round.troubles.length > 0)
  return {
    guarantee,
    outcome: 'measured',
    measured: missing + troubled.length,
    sample: { size: rounds.length, of: `kills, with ${writes} acknowledged writes asked for afterwards` },
    scale: null,
    steps: steps.done(),
    reason:
      missing + troubled.length === 0
        ? game.well(rounds.length, writes)
        : `${missing} acknowledged writes were missing; ${troubled.length} kills were not recovered from: ${troubled[0]?.troubles[0] ?? ''}`,
    remedy: `Repeat with --seed ${options.seed} and read the first step that failed`,
    startedAt,
    tookMs: clock.now() - startedAt,
  }
}

function describe(round: Round): string {
  const troubles = round.troubles.length === 0 ? 'recovered' : round.troubles.join('; ')
  return `${round.victim} killed after ${round.afterMs} ms; ${round.writes - round.missing} of ${round.writes} writes there; ${troubles}`
}

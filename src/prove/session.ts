import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { withClient } from '../postgres/connection.ts'
import type { System } from '../project/project.ts'
import type { Exercise, Mutation } from './exercise.ts'
import { loadExercise } from './load-exercise.ts'
import { type Effort, efforts, type Fault, type ProofSession } from './prover.ts'
import { createScratch } from './scratch.ts'
import { recordSteps, type Steps } from './steps.ts'

export interface SessionOptions {
  system: System
  /** The project's state folder. */
  state: string
  clock: Clock
  seed: number
  effort: Effort['name']
  signal: AbortSignal
  faults?: readonly Fault[]
  mutation?: Mutation
  /** Told of every step as it begins. */
  progress(subject: string, step: string): void
  log(line: string): void
}

/** A session and its end. Ending stops every process and removes every file it made, whatever happened in between. */
export async function openSession(options: SessionOptions): Promise<{ session: ProofSession; close(): Promise<void> }> {
  const { system, clock, mutation } = options
  const factory = await loadExercise(system)
  const scratch = await createScratch({
    system,
    state: options.state,
    clock,
    log: options.log,
    signal: options.signal,
    ...(mutation?.sql === undefined ? {} : { afterMigration: (url) => applyMutation(url, mutation.sql ?? []) }),
    ...(mutation?.environment === undefined ? {} : { serviceEnvironment: mutation.environment }),
  })
  const deferred: (() => Promise<void>)[] = []
  const recorders = new Map<string, Steps>()
  let environment: Awaited<ReturnType<typeof scratch.environment>> | undefined
  let routed: Readonly<Record<string, string>> | undefined
  let exercise: Exercise | undefined
  const makeExercise = (): Exercise => {
    if (!factory) throw failure('EXERCISE_MISSING', { system: system.name, file: system.planFile })
    return factory({
      address: (service) => {
        if (!environment) throw new Error('the environment has not been started')
        return routed?.[service] ?? environment.address(service)
      },
      databaseUrl: (role) => {
        if (!environment) throw new Error('the environment has not been started')
        return environment.databaseUrl({ role })
      },
      now: clock.now,
      ...(mutation === undefined ? {} : { mutation: mutation.id }),
    })
  }
  const session: ProofSession = {
    system,
    clock,
    seed: options.seed,
    effort: efforts[options.effort],
    signal: options.signal,
    faults: new Set(options.faults ?? []),
    scratch: {
      ...scratch,
      environment: async () => {
        environment = await scratch.environment()
        return environment
      },
    },
    get exercise() {
      exercise ??= makeExercise()
      return exercise
    },

    defer: (work) => void deferred.push(work),
    route: (addresses) => {
      routed = addresses
    },
    routed: () => routed,
    steps: (subject) => {
      const known = recorders.get(subject) ?? recordSteps(clock, (step) => options.progress(subject, step))
      recorders.set(subject, known)
      return known
    },
  }
  return {
    session,
    close: async () => {
      try {
        for (const work of deferred.reverse()) await work()
      } finally {
        await scratch.dispose()
      }
    },
  }
}

async function applyMutation(ownerUrl: string, statements: readonly string[]): Promise<void> {
  await withClient(ownerUrl, async (client) => {
    for (const statement of statements) await client.query(statement)
  })
}

import { performance } from 'node:perf_hooks'
import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import type { System } from '../../project/project.ts'
import { seededRandom } from '../../random.ts'
import type { Actor } from '../exercise.ts'
import { percentile } from '../percentile.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { stallServices } from './stall.ts'

/** Clients that measure at once: enough to meet each other, few enough that the generator is not what is measured. */
const clients = 4
/** The share of operations done before measuring starts, so that caches and pools are as in a running system. */
const warmUp = 0.1

const percents = { p50: 50, p95: 95, p99: 99 } as const

/** Percentiles of the plan's operations, measured by real clients against the running system. */
export const performanceProver: Prover = {
  kind: 'performance',
  accepts: (guarantee, system) => percentOf(guarantee) !== undefined && operationOf(guarantee, system) !== undefined,
  async *prove(guarantees, session) {
    for (const [operation, group] of groupByOperation(guarantees, session.system))
      yield* measure(operation, group, session)
  },
  mutants: [
    {
      id: 'service-stalls',
      fault: 'slow-service',
      description: 'Every service stands still for most of each second, as under memory pressure or a noisy neighbour',
      breaks: (guarantees) =>
        guarantees.find((guarantee) => guarantee.kind === 'performance' && percentOf(guarantee) === 99),
    },
  ],
}

async function* measure(
  operation: string,
  guarantees: readonly Guarantee[],
  session: ProofSession,
): AsyncIterable<Finding> {
  const { clock, exercise, effort } = session
  const steps = session.steps(guarantees[0]?.id ?? operation)
  const startedAt = clock.now()
  const environment = await session.scratch.environment()
  const faulty = session.faults.has('slow-service') ? stallServices(environment, clock) : undefined
  const took: number[] = []
  let refusals = 0
  let reason = ''
  try {
    const actors = await steps.do(
      'clients signed in',
      () => exercise.actors(session.seed, clients),
      (all) => `${all.length} clients`,
    )
    const random = seededRandom(session.seed).fork(operation)
    const perform = async (count: number, keep: (ms: number) => void) => {
      const turns = Array.from({ length: count }).values()
      const work = async (actor: Actor) => {
        const own = random.fork(actor.id)
        for (const _ of turns) {
          if (session.signal.aborted) return
          const started = performance.now()
          try {
            await exercise.perform(operation, actor, own)
            keep(performance.now() - started)
          } catch (error) {
            refusals++
            reason = messageOf(error)
          }
        }
      }
      await Promise.all(actors.map(work))
    }
    await steps.do('warmed up', () => perform(Math.ceil(effort.samples * warmUp), () => undefined))
    await steps.do(
      `${operation}, measured`,
      () => perform(effort.samples, (ms) => took.push(ms)),
      () =>
        took.length === 0
          ? 'no answer'
          : `P50 ${percentile(took, 50).toFixed(1)} ms, P95 ${percentile(took, 95).toFixed(1)} ms, P99 ${percentile(took, 99).toFixed(1)} ms, worst ${Math.max(...took).toFixed(1)} ms`,
    )
  } finally {
    await faulty?.stop()
  }
  for (const guarantee of guarantees) {
    const percent = percentOf(guarantee)
    if (percent === undefined) continue
    const measured = took.length === 0 ? Number.NaN : percentile(took, percent)
    yield {
      guarantee,
      outcome: 'measured',
      measured,
      sample: { size: took.length, of: `${operation} by ${clients} clients at once` },
      scale: null,
      steps: steps.done(),
      reason: `P${percent} of ${took.length} was ${Number.isNaN(measured) ? 'not measured' : readableMs(measured)}`,
      broken: refusals > 0 ? `${refusals} of ${took.length + refusals} were not answered: ${reason}` : undefined,
      remedy: 'Read the slow statements of the database log and the spread in the steps; compare with bench/',
      startedAt,
      tookMs: clock.now() - startedAt,
    }
  }
}

function groupByOperation(guarantees: readonly Guarantee[], system: System): Map<string, Guarantee[]> {
  const groups = new Map<string, Guarantee[]>()
  for (const guarantee of guarantees) {
    const operation = operationOf(guarantee, system)
    if (operation !== undefined) groups.set(operation, [...(groups.get(operation) ?? []), guarantee])
  }
  return groups
}

function operationOf(guarantee: Guarantee, system: System): string | undefined {
  const [, service, , entry] = guarantee.path
  return system.plan.services[String(service)]?.performance[String(entry)]?.operation
}

function percentOf(guarantee: Guarantee): number | undefined {
  const last = guarantee.path.at(-1)
  return last === 'p50' || last === 'p95' || last === 'p99' ? percents[last] : undefined
}

import type { Environment } from '../../run/environment.ts'
import { metricsOf } from '../blindness/places.ts'
import type { Occasion } from '../exercise.ts'
import type { ProofSession } from '../prover.ts'
import type { Steps } from '../steps.ts'
import { amountOf } from './emitted.ts'

/** What was given occasion to be counted, and was not. */
export type Uncounted = Pick<Occasion, 'service' | 'metric'>

/** Longest until a service has told or done what comes round by itself, such as sending its figures. */
const countedWithinMs = 40_000
const lookEveryMs = 200

/**
 * Gives every occasion of the exercise, what a service must do without taken away for real, and looks whether the service counts it. What happens
 * without whoever collects goes on beside other work of the exercise.
 */
export async function giveOccasions(
  session: ProofSession,
  steps: Steps,
  meanwhile: () => Promise<void>,
): Promise<Uncounted[]> {
  const occasions = session.exercise.occasions?.() ?? []
  const { scratch } = session
  const environment = await scratch.environment()
  const of = (without: Occasion['without']) => occasions.filter((each) => each.without === without)
  const uncounted: Uncounted[] = []
  const give = async (without: Occasion['without']) => {
    const given = of(without)
    uncounted.push(...(await uncountedOf(given, session, environment)))
  }
  const told = () => (uncounted.length === 0 ? 'each was counted' : uncounted.map(nameOf).join(', '))

  scratch.telemetry.refuseAll(of('collector').length > 0)
  try {
    await Promise.all([meanwhile(), steps.do('nobody to collect what services tell', () => give('collector'), told)])
  } finally {
    scratch.telemetry.refuseAll(false)
  }
  await steps.do('occasions given', () => give(undefined), told)
  if (of('database').length === 0) return uncounted
  await environment.server.stop()
  try {
    await steps.do('no database', () => give('database'), told)
  } finally {
    await environment.restartServer()
    await untilReady(session, environment)
  }
  return uncounted
}

async function uncountedOf(
  occasions: readonly Occasion[],
  { clock, signal, system }: ProofSession,
  environment: Environment,
): Promise<Uncounted[]> {
  const counted = async () => {
    const measured = await metricsOf(system.plan, environment)
    return occasions.map(({ service, metric }) =>
      amountOf(measured.find((each) => each.service === service)?.text ?? '', metric, 'counter'),
    )
  }
  const before = await counted()
  for (const { give } of occasions) await give(signal)
  const deadline = clock.now() + countedWithinMs
  for (;;) {
    const now = await counted()
    const missing = occasions.filter((_, index) => (now[index] ?? 0) <= (before[index] ?? 0))
    if (missing.length === 0 || clock.now() > deadline) return missing
    await clock.sleep(lookEveryMs, signal)
  }
}

/** Services find their database again by themselves; those of the next proofs must not find them still looking. */
async function untilReady({ clock, signal, system }: ProofSession, environment: Environment): Promise<void> {
  const deadline = clock.now() + countedWithinMs
  for (const [service, address] of Object.entries(environment.addresses())) {
    const path = system.plan.services[service]?.ready
    if (path === undefined) continue
    const isReady = () =>
      fetch(new URL(path, address), { signal: AbortSignal.timeout(5_000) }).then(
        async (response) => {
          await response.body?.cancel()
          return response.ok
        },
        () => false,
      )
    while (!(await isReady())) {
      if (clock.now() > deadline) throw new Error(`${service} does not find its database again`)
      await clock.sleep(lookEveryMs, signal)
    }
  }
}

function nameOf({ service, metric }: Uncounted): string {
  return `${metric} of ${service} was not counted`
}

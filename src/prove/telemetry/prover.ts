import { messageOf } from '../../errors.ts'
import { seededRandom } from '../../random.ts'
import { runCase } from '../behaviour/run-case.ts'
import { unlistedMetrics } from '../blindness/allow-list.ts'
import { metricsOf } from '../blindness/places.ts'
import { sow } from '../blindness/planted.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { amountOf, isOffered, type Listed, listedMetrics } from './emitted.ts'
import { giveOccasions } from './occasions.ts'

const stepsOfEach = 20
const casesAtOnce = 4
const neverEmitted = 'nothing_ever_measures_this_total'

/**
 * Lets the exercise work, gives it occasion for what is rare, and asks every service for its metrics: what the plan lists for it has been measured then, and
 * nothing else is. What has no occasion leaves it inconclusive. What parts emit that Aval does not start, such as phones, is told in the evidence and not counted.
 */
export const telemetryProver: Prover = {
  kind: 'telemetry',
  accepts: () => true,
  // The exercise does everything it can once.
  isLong: () => true,
  async *prove(guarantees, session) {
    for (const guarantee of guarantees) {
      const startedAt = session.clock.now()
      const judged = await judge(guarantee.id, session).catch((error: unknown): Judged => {
        session.signal.throwIfAborted()
        return {
          outcome: 'inconclusive',
          reason: `The services could not be asked: ${messageOf(error)}`,
          remedy: 'Start the system with `aval up` and see that every service answers its metrics',
        }
      })
      const steps = session.steps(guarantee.id).done()
      yield { guarantee, ...judged, steps, startedAt, tookMs: session.clock.now() - startedAt }
    }
  },
  mutants: [
    {
      id: 'metric-never-emitted',
      fault: 'metric-never-emitted',
      description: 'The plan lists a metric that no service ever measures',
      breaks: (guarantees) => guarantees.find(({ kind }) => kind === 'telemetry'),
      says: new RegExp(neverEmitted),
    },
  ],
}

type WithoutFacts<F> = F extends Finding ? Omit<F, 'guarantee' | 'steps' | 'startedAt' | 'tookMs'> : never
type Judged = WithoutFacts<Finding>

async function judge(id: string, session: ProofSession): Promise<Judged> {
  const { scratch, system, faults } = session
  const { plan } = system
  const steps = session.steps(id)
  const environment = await scratch.environment()
  const uncounted = await giveOccasions(session, steps, () => steps.do('the exercise at work', () => work(session)))
  const measured = await steps.do('metrics asked for', () => metricsOf(plan, environment))
  const texts = new Map(measured.map(({ service, text }) => [service, text]))
  const { asked, aval, others } = listedMetrics(plan, Object.keys(environment.addresses()))
  const [first] = asked
  if (faults.has('metric-never-emitted') && first !== undefined) asked.push({ ...first, metric: neverEmitted })
  const unmeasured = asked.filter(({ metric, by }) => {
    const type = plan.telemetry.metrics[metric]?.type ?? 'counter'
    return (amountOf(texts.get(by) ?? '', metric, type) ?? 0) === 0
  })
  const missing = unmeasured.filter(({ metric, by }) => !isOffered(texts.get(by) ?? '', metric))
  const idle = unmeasured.filter(
    (each) =>
      !missing.includes(each) &&
      !uncounted.some(({ service, metric }) => service === each.by && metric === each.metric),
  )
  steps.leave(`${aval.length} metrics of Aval's own`, 'measured by whoever watches, not by a service')
  if (others.length > 0) steps.leave(`not started here: ${told(others)}`, 'nobody can be asked for them')
  const breaches = [
    ...missing.map((each) => `${told([each])} is listed and not offered`),
    ...uncounted.map(({ service, metric }) => `${metric} of ${service} had its occasion and did not count`),
    ...measured.flatMap(({ service, text }) => unlistedMetrics(plan, service, text)),
  ]
  if (breaches.length === 0 && idle.length > 0)
    return {
      outcome: 'inconclusive',
      reason: `${asked.length - idle.length} of ${asked.length} were measured; nothing gave occasion to measure ${told(idle)}`,
      remedy: 'Give the exercise an occasion that makes the service measure it, or take it out of the plan',
    }
  return {
    outcome: 'measured',
    measured: breaches.length,
    sample: { size: asked.length, of: 'metrics listed for a service' },
    scale: null,
    reason:
      breaches.length === 0
        ? `Each of ${asked.length} was measured and nothing else; ${others.length} belong to parts that are not started here`
        : breaches.slice(0, 5).join('; '),
    remedy: 'Measure in the service what the plan lists and nothing else; what never has a value raises no alert',
  }
}

/** Everything that the exercise can do once, so that whatever a service counts had its occasion. */
async function work({ exercise, scratch, seed, signal }: ProofSession): Promise<void> {
  const { address } = await scratch.environment()
  const random = seededRandom(seed).fork('telemetry')
  await exercise.smoke()
  for (const actor of await exercise.actors(seed, 2))
    for (let step = 0; step < stepsOfEach; step++) {
      signal.throwIfAborted()
      await exercise.step(actor, random).catch(() => undefined)
    }
  const paths = exercise.paths().filter(({ costly }) => !costly)
  const { planted } = sow(paths, ['anything'], random.fork('ways'), false)
  for (const { path, text } of planted)
    await paths
      .find(({ id }) => id === path)
      ?.plant(text)
      .catch(() => undefined)
  const waiting = exercise.behaviours().values()
  const context = { address, credentials: exercise.credentials, signal }
  const one = async () => {
    // Whether a case holds is for the proof of behaviour to say.
    for (const each of waiting) await runCase(each, context).catch(() => signal.throwIfAborted())
  }
  await Promise.all(Array.from({ length: casesAtOnce }, one))
}

function told(listed: readonly Listed[]): string {
  return listed.map(({ metric, by }) => `${metric} of ${by}`).join(', ')
}

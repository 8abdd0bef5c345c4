import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import { seededRandom } from '../../random.ts'
import type { Environment } from '../../run/environment.ts'
import { metricsOf } from '../blindness/places.ts'
import type { Exercise } from '../exercise.ts'
import { loadExercise } from '../load-exercise.ts'
import type { Finding, ProofSession } from '../prover.ts'
import { fuzz } from './fuzz.ts'
import { judgeRun } from './judge-run.ts'
import { createMarker, type Marker, markerFinder } from './marker.ts'
import { type Operation, readOpenapi } from './openapi.ts'
import { describeTally } from './tally.ts'

export interface HowLong {
  /** Cases of the exercise that each operation is looked for in: people who do more know more. */
  casesOfAnOperation: number
  /** Asked before each request: whether to go on, given the requests sent. */
  until(sent: number): boolean
  /** Told now and then, and of each operation in the end. */
  told(line: string): void
}

const timeLimitMs = 10_000

/** Tries every operation of one service, then looks for what was sent in all logs and metrics. */
export async function proveRequests(guarantee: Guarantee, session: ProofSession, howLong: HowLong): Promise<Finding> {
  const { clock, seed, signal, system } = session
  const startedAt = clock.now()
  const steps = session.steps(guarantee.id)
  const finding = { guarantee, startedAt }
  const [, service = ''] = guarantee.path.map(String)
  const lines: string[] = []
  const deaf = session.scratch.hear((line) => lines.push(line))
  try {
    const environment = await session.scratch.environment()
    const path = system.plan.services[service]?.openapi?.path ?? ''
    const read = await readDescription(environment, service, path)
    if ('problem' in read) {
      return {
        ...finding,
        outcome: 'failed',
        steps: steps.done(),
        reason: `${path} of ${service} is no OpenAPI document: ${read.problem}`,
        remedy: 'Have the service answer with its document, or mend the path in the plan',
        tookMs: clock.now() - startedAt,
      }
    }
    const random = seededRandom(seed).fork(`requests for ${service}`)
    const marker = createMarker(random.fork('marker'))
    const before = environment.servicePids()
    const exercise = await exerciseAt(session, environment)
    const fuzzed = await steps.do(
      `requests for ${read.operations.length} operations`,
      () =>
        fuzz({
          service,
          operations: read.operations,
          address: environment.address,
          newExercise: exercise,
          marker,
          random,
          signal,
          casesOfAnOperation: howLong.casesOfAnOperation,
          until: howLong.until,
          told: (sent, breaches) => howLong.told(`${sent} requests for ${service}, ${breaches} kinds of breach`),
        }),
      ({ sent }) => `${sent} requests`,
    )
    for (const tally of fuzzed.tallies) {
      howLong.told(`  ${tally.operation}: ${describeTally(tally)}`)
      await steps.do(
        tally.operation,
        async () => undefined,
        () => describeTally(tally),
      )
    }
    const ended = before.filter((pid) => !environment.servicePids().includes(pid)).length
    const leaks = await steps.do(
      'what was sent looked for in logs and metrics',
      () => findLeaks(environment, marker, lines, ended > 0),
      (found) => (found.length === 0 ? `in none of ${lines.length} lines` : found.join('; ')),
    )
    for (const { says, times, example } of fuzzed.breaches) howLong.told(`  ${times} times: ${says}\n    ${example}`)
    return {
      ...finding,
      ...judgeRun(service, fuzzed, ended, leaks, seed),
      steps: steps.done(),
      tookMs: clock.now() - startedAt,
    }
  } finally {
    deaf()
  }
}

async function readDescription(
  environment: Environment,
  service: string,
  path: string,
): Promise<{ operations: Operation[] } | { problem: string }> {
  try {
    const answer = await fetch(new URL(path, environment.address(service)), {
      signal: AbortSignal.timeout(timeLimitMs),
    })
    if (!answer.ok) return { problem: `it is answered ${answer.status}` }
    return { operations: readOpenapi(await answer.text()) }
  } catch (error) {
    return { problem: messageOf(error) }
  }
}

/** An exercise with people of its own, as often as it is asked for. */
async function exerciseAt(
  { system, clock }: ProofSession,
  { address }: Environment,
): Promise<() => Exercise | undefined> {
  const factory = await loadExercise(system)
  return () => factory?.({ address, now: clock.now })
}

/** Where the marker is in what the services, the database and Aval logged, or in what is measured. */
async function findLeaks(
  environment: Environment,
  marker: Marker,
  lines: readonly string[],
  ended: boolean,
): Promise<string[]> {
  const markerIn = markerFinder(marker)
  const leaks = new Set<string>()
  // A service that ended has forgotten what it measured, and may not answer yet; that it ended is told anyway.
  const measured = ended ? [] : await metricsOf(environment.system.plan, environment)
  for (const { service, text } of measured) {
    const how = markerIn(text)
    if (how !== undefined) leaks.add(`${service} measures what was sent, ${how}`)
  }
  // A service may still hold its last lines; once it has ended, it has written them.
  await environment.stopServices()
  await environment.startServices()
  for (const line of lines) {
    const how = markerIn(line)
    if (how !== undefined) leaks.add(`${line.split('|')[0]?.trim()} logged what was sent, ${how}`)
  }
  return [...leaks]
}

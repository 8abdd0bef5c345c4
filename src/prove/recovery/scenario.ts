import { messageOf } from '../../errors.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import type { Procedure } from '../../plan/recovery.ts'
import { type FaultName, faultMeanings } from '../../plan/scenario.ts'
import { seededRandom } from '../../random.ts'
import type { Ack } from '../exercise.ts'
import { startLoad, untilWrites } from '../load.ts'
import type { ProofSession } from '../prover.ts'
import type { ReadBack } from '../read-back.ts'
import { bringHome } from './actions/rebuilding.ts'
import { untilServed } from './actions/serving.ts'
import { carryOut } from './carry-out.ts'
import { type Blow, type Made, measureRestored, type Run, settleClients } from './run.ts'
import { beforeFault, ScenarioFailed, ScenarioUnready } from './scenario-error.ts'
import { type Site, siteOf } from './site.ts'
import { databaseBytes } from './size.ts'
import { strikes } from './strike.ts'

/** What carrying a procedure out came to. Times in milliseconds since the epoch. */
export interface Outcome {
  name: string
  procedure: Procedure
  fault: FaultName
  blow: Blow
  startedAt: number
  /** When the last step that a proof carries out was done. */
  doneAt: number
  tookMs: number
  /** Last answer before the fault and first of a request sent after it, by a client that never stopped trying. */
  lastBefore: number | undefined
  servedAt: number | undefined
  restored: ReadBack
  /** What was there once clients had brought back what they hold; undefined where they hold nothing. */
  settled: ReadBack | undefined
  unsettled: string | undefined
  /** Steps that took longer than they may. */
  overdue: string[]
  /** Steps left to a person. */
  left: number
  breaches: string[]
  /** Size of the databases before the fault. */
  bytes: number
}

const writesBeforeFault = 12

/** After these nobody is answered until the system is back, so that clients are quiet from the fault on and what they hold is known. */
const endsService: ReadonlySet<FaultName> = new Set([
  'server-lost',
  'moment-passed',
  'primary-killed',
  'region-lost',
  'all-lost',
])

const outcomes = new WeakMap<ProofSession, Map<string, Promise<Outcome>>>()

/**
 * Causes the fault of a procedure on the running site and carries its steps out, each measured against its limit, under load.
 * Done once a session for each procedure, one after the other.
 * @throws ScenarioFailed, ScenarioUnready.
 */
export async function carryOutProcedure(
  session: ProofSession,
  name: string,
  procedure: Procedure & { fault: FaultName },
): Promise<Outcome> {
  const known = outcomes.get(session) ?? new Map<string, Promise<Outcome>>()
  outcomes.set(session, known)
  const outcome = known.get(name) ?? perform(session, name, procedure)
  known.set(name, outcome)
  return outcome
}

async function perform(
  session: ProofSession,
  name: string,
  procedure: Procedure & { fault: FaultName },
): Promise<Outcome> {
  const { clock, effort, exercise, seed } = session
  const { fault } = procedure
  const startedAt = clock.now()
  const site = await siteOf(session)
  if (site.ruin !== undefined) throw new ScenarioUnready(`The site was not brought back by ${site.ruin}`)
  await site.archive()
  const steps = session.steps(`recovery/${name}`)
  const random = seededRandom(seed).fork(`recovery ${name}`)
  const made: Made = fault === 'rows-deleted' ? { tenant: tenantToLose(session, site) } : {}
  // Whose rows are to be deleted is away: what a client writes then is another story than what was deleted.
  const working = site.clients.filter(
    (actor) => made.tenant === undefined || exercise.tenantOf?.(actor) !== made.tenant.tenant,
  )
  const load = startLoad({ exercise, actors: working, random, clock })
  const watch = startLoad({ exercise, actors: [site.watcher], random, clock, restMs: 20 })
  const quiet = async () => {
    await Promise.all([load.stop(), watch.stop()])
  }
  session.defer(quiet)
  // Whatever goes wrong from here on leaves a site that nothing else may be tried on.
  site.ruin = name
  try {
    await beforeFault(steps.do('clients at work', () => untilWrites(load, writesBeforeFault, clock, 60_000)))
    await clock.sleep(effort.loadMs / 2, session.signal)
    const bytes = await databaseBytes(site.environment.server.url())
    const early = {
      session,
      site,
      name,
      procedure,
      fault,
      steps,
      load,
      working,
      watch,
      made,
      measured: { breaches: [] },
    }
    const blow = await steps
      .do(
        `fault: ${faultMeanings[fault]}`,
        () => strikes[fault](early),
        ({ what }) => what,
      )
      .catch((cause: unknown) => {
        session.signal.throwIfAborted()
        // Nothing was promised about a fault that could not be caused.
        throw new ScenarioUnready(`The fault could not be caused: ${messageOf(cause)}`, { cause })
      })
    const run: Run = { ...early, blow }
    const lastBefore = latest([...load.acks, ...watch.acks], blow.at)
    const { overdue, left } = await follow(run)
    const doneAt = clock.now()
    const servedAt = await untilServed(run)
    if (endsService.has(fault) && servedAt === undefined)
      throw new ScenarioFailed('the system serves again', new Error('no client was answered after the recovery'))
    // Where clients never stopped, they are let work on what was brought back before anybody asks.
    if (!endsService.has(fault)) await clock.sleep(effort.loadMs / 4, session.signal)
    const restored = await measureRestored(run)
    run.measured.breaches.push(...((await blow.check?.(restored)) ?? []))
    const settled = await settleClients(run)
    await quiet()
    // What was lost and nobody brings back is judged here, and promised no more.
    site.acks = [...(settled ?? restored).kept]
    await blow.tidy?.()
    await bringHome(run)
    site.ruin = undefined
    return {
      name,
      procedure,
      fault,
      blow,
      startedAt,
      doneAt,
      tookMs: clock.now() - startedAt,
      lastBefore,
      servedAt,
      restored,
      settled,
      unsettled: run.measured.unsettled,
      overdue,
      left,
      breaches: run.measured.breaches,
      bytes,
    }
  } finally {
    await quiet()
  }
}

/** Carries out every step in its order; the first that fails ends the scenario. */
async function follow(run: Run): Promise<{ overdue: string[]; left: number }> {
  const { clock, signal } = run.session
  const overdue: string[] = []
  let left = 0
  for (const step of run.procedure.steps) {
    signal.throwIfAborted()
    const ordered = { command: step.command, withinMs: step.within }
    const act = step.action && carryOut[step.action]
    if (act === undefined) {
      run.steps.leave(step.does, 'Left to a person; not carried out here', ordered)
      left++
      continue
    }
    const began = clock.now()
    try {
      await run.steps.do(
        step.does,
        () => act(run, step),
        ({ by, saw }) => `${by}: ${saw}`,
        ordered,
      )
    } catch (error) {
      signal.throwIfAborted()
      throw new ScenarioFailed(step.does, error)
    }
    const took = clock.now() - began
    if (step.within !== undefined && took > step.within)
      overdue.push(`"${step.does}" took ${readableMs(took)} of ${readableMs(step.within)}`)
  }
  return { overdue, left }
}

function latest(acks: readonly Ack[], until: number): number | undefined {
  const times = acks.map((ack) => ack.acknowledgedAt).filter((at) => at <= until)
  return times.length === 0 ? undefined : Math.max(...times)
}

/** The tenant of the last client, who is neither the watcher nor the first. */
function tenantToLose(
  { exercise, system }: ProofSession,
  { clients, watcher }: Site,
): { column: string; tenant: string } {
  const column = system.plan.database?.rowSecurity?.tenant
  const last = clients.at(-1)
  const tenant = last && exercise.tenantOf?.(last)
  if (column === undefined || tenant === undefined || tenant === exercise.tenantOf?.(watcher))
    throw new ScenarioUnready(
      'The plan names no tenant column, or the exercise does not tell whose rows a client writes',
    )
  return { column, tenant }
}

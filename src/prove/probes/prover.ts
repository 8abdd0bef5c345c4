import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Probe } from '../../plan/probes.ts'
import { formatDuration } from '../../plan/units.ts'
import { readsProbe } from '../../watch/alerts/probe-readers.ts'
import { type AlertRule, rulesOf } from '../../watch/alerts/rule.ts'
import { untriable } from '../alerts/channels.ts'
import { deliver, type Stage } from '../alerts/deliver.ts'
import { openStage, startOf } from '../alerts/prover.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { type Asker, asker } from './ask.ts'
import { probeMutants, runningInstead } from './broken.ts'
import { openJob } from './heartbeat.ts'
import { type HeldClock, heldClock } from './held-clock.ts'
import { type AskingProbe, openStandIn, type RealTargets, type StandIn } from './stand-in.ts'
import { live } from './story.ts'

/**
 * Whether probes see and reach people: each is asked for real, its target well and in every trouble such a target can have, as often in a row as
 * counts and once less, and whoever is told is told through the ends of their channels. A service and the database are those of the scratch
 * environment while they are well; a target elsewhere has a stand-in on loopback, for nobody breaks that to try it.
 */
export const probesProver: Prover = {
  kind: 'probes',
  accepts: () => true,
  needsExercise: false,
  async *prove(guarantees, session) {
    const stage = await openStage(session).catch((error: unknown) => messageOf(error))
    try {
      for (const guarantee of guarantees) {
        if (typeof stage !== 'string') yield await judge(guarantee, session, stage)
        else
          yield inconclusive(
            guarantee,
            session,
            `The ends of the channels could not be opened: ${stage}`,
            'See that Postgres can be started here, and prove it again',
          )
      }
    } finally {
      if (typeof stage !== 'string') await stage.ends.close()
    }
  },
  mutants: probeMutants,
}

function inconclusive(guarantee: Guarantee, session: ProofSession, reason: string, remedy: string): Finding {
  const startedAt = session.clock.now()
  return {
    guarantee,
    outcome: 'inconclusive',
    steps: session.steps(guarantee.id).done(),
    reason,
    remedy,
    startedAt,
    tookMs: 0,
  }
}

async function judge(guarantee: Guarantee, session: ProofSession, stage: Stage): Promise<Finding> {
  const { system, clock } = session
  const name = String(guarantee.path.at(-1))
  const probe = system.plan.probes[name]
  if (probe === undefined) throw new RangeError(`the plan has no probe ${name}`)
  const startedAt = clock.now()
  const rules = rulesFor(system.plan, name)
  const measured = (found: { breach?: string; asked: number; reason: string }): Finding => ({
    guarantee,
    outcome: 'measured',
    measured: found.breach === undefined ? 0 : 1,
    sample: { size: found.asked, of: 'askings' },
    scale: null,
    steps: session.steps(guarantee.id).done(),
    reason: found.breach ?? found.reason,
    remedy: `Run \`aval probe ${system.name} ${name}\`, mend the probe, its channels or the alert that reads it, and prove it again`,
    startedAt,
    tookMs: clock.now() - startedAt,
  })
  if (rules.length === 0) return measured({ breach: 'It notifies nobody, and no alert reads it', asked: 1, reason: '' })
  const kinds = rules
    .flatMap(({ channels }) => channels)
    .map((channel) => system.plan.incidents.channels[channel]?.kind)
  if (kinds.every((kind) => kind !== undefined && untriable.has(kind)))
    return inconclusive(
      guarantee,
      session,
      'What it notifies belongs to a cloud, which alone can say whether it reaches anybody',
      'Give it a channel that Aval delivers to as well, or try it there by hand',
    )
  const held = heldClock(startOf(stage))
  const standIn = await targetOf(name, probe, session, held).catch((error: unknown) => messageOf(error))
  if (typeof standIn === 'string')
    return inconclusive(
      guarantee,
      session,
      `Its target could not be made ready: ${standIn}`,
      'Mend that and prove it again',
    )
  let asked = 0
  const counting =
    (ask: Asker): Asker =>
    (atMs, target) => {
      asked++
      return ask(atMs, target)
    }
  try {
    const ask = () => counting(asker(system.plan, name, standIn, held, session.faults))
    const tried = await tryAll({ guarantee, session, stage, name, standIn, rules, ask, nowMs: held.now })
    // A job that is not taken at its word was listened to, if never asked about.
    return measured({ ...tried, asked: Math.max(1, asked) })
  } finally {
    await standIn.close()
  }
}

interface Trial {
  guarantee: Guarantee
  session: ProofSession
  stage: Stage
  name: string
  standIn: StandIn
  rules: readonly AlertRule[]
  ask: () => Asker
  nowMs: () => number
}

async function tryAll(trial: Trial): Promise<{ breach?: string; reason: string }> {
  const { guarantee, session, stage, name, standIn, rules } = trial
  const steps = session.steps(guarantee.id)
  const plan = { ...session.system.plan, probes: { ...session.system.plan.probes, [name]: standIn.probe } }
  const missed = await (standIn.tellsTimes &&
    steps.do(
      'told in time, too late, over a restart, and by another job',
      standIn.tellsTimes,
      (breach) => breach ?? 'told apart',
    ))
  if (missed !== undefined) return { breach: missed, reason: '' }
  const seen = await steps.do(
    `asked while well, and ${standIn.troubles.join(', ')}`,
    () => tellsApart(trial),
    (breach) => breach ?? 'told apart',
  )
  if (seen !== undefined) return { breach: seen, reason: '' }
  const told: string[] = []
  for (const rule of rules) {
    const startMs = Math.max(startOf(stage), Math.ceil((trial.nowMs() + standIn.probe.every) / hour) * hour)
    const story = await steps.do(
      `failing too few times, then often enough for ${rule.name}`,
      () =>
        live({
          plan,
          name,
          rule,
          running: runningInstead(rule, session.faults),
          ask: trial.ask(),
          troubles: standIn.troubles,
          startMs,
        }),
      (made) => (made.kept ? `told ${formatDuration(made.toldAfterMs)} after the first failure` : made.breach),
    )
    if (!story.kept) return { breach: story.breach, reason: '' }
    const breach = await steps.do(
      'delivered, acknowledged and ended',
      () => deliver(stage, rule.name, story.notices, session.faults),
      (found) => found ?? 'as promised',
    )
    if (breach !== undefined) return { breach, reason: '' }
    const afterMs = story.toldAfterMs - slowedMs(session.system.plan.probes[name], standIn.probe, rule)
    told.push(`${triedOf(plan, rule).join(' and ')} ${formatDuration(afterMs)} after the first failure`)
  }
  const well = standIn.isReal ? '' : '; a stand-in took the place of its target'
  return { reason: `Sees ${standIn.troubles.join(', ')}; tells ${told.join(', then ')}${well}` }
}

/** How much longer counting took because the probe was asked more slowly than the plan has it. */
function slowedMs(planned: Probe | undefined, asked: Probe, { source }: AlertRule): number {
  if (planned === undefined || source.kind !== 'probe') return 0
  return (source.failures - 1) * (asked.every - planned.every)
}

/** Channels whose end is on this machine; what is said of the others would not be known. */
function triedOf({ incidents }: Plan, { channels }: AlertRule): string[] {
  return channels.filter((channel) => {
    const kind = incidents.channels[channel]?.kind
    return kind !== undefined && !untriable.has(kind)
  })
}

const hour = 3_600_000

/** Asks once in each state of the target. @returns the breach, undefined when each was seen for what it is */
async function tellsApart({ standIn, ask, nowMs }: Trial): Promise<string | undefined> {
  const { probe } = standIn
  const asks = ask()
  for (const target of ['well', ...standIn.troubles] as const) {
    const { ok, reason, beganMs, endedMs } = await asks(nowMs() + probe.every, target)
    if (target === 'well' && !ok) return `It says that something is wrong although its target is well: ${reason}`
    if (target !== 'well' && ok) return `It says that all is well although its target is ${target}`
    if (target === 'slow' && endedMs - beganMs !== probe.timeout)
      return `It waits ${formatDuration(endedMs - beganMs)} for an answer instead of ${formatDuration(probe.timeout)}`
  }
  return undefined
}

/** Its own rule; for a probe that notifies nobody, the alerts that read it. */
function rulesFor(plan: Plan, name: string): AlertRule[] {
  const rules = rulesOf(plan)
  const own = rules.filter((rule) => rule.name === `probe:${name}` && rule.channels.length > 0)
  return own.length > 0 ? own : rules.filter((rule) => readsProbe(rule, name))
}

async function targetOf(name: string, probe: Probe, session: ProofSession, clock: HeldClock): Promise<StandIn> {
  if ('heartbeat' in probe) return openJob(name, probe, clock, session.faults)
  return openStandIn(name, probe, await realTargets(probe, session), clock)
}

async function realTargets(probe: AskingProbe, { scratch }: ProofSession): Promise<RealTargets> {
  if ('http' in probe && probe.service !== undefined) {
    const environment = await scratch.environment()
    const service = environment.addresses()[probe.service]
    // One that the plan names and Aval does not run is elsewhere.
    return service === undefined ? {} : { service }
  }
  if ('sql' in probe) return { database: (await scratch.environment()).database.ownerUrl }
  return {}
}

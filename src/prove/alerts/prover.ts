import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Plan } from '../../plan/plan.ts'
import { readableMs } from '../../plan/readable-duration.ts'
import { formatDuration } from '../../plan/units.ts'
import type { System } from '../../project/project.ts'
import type { Notice } from '../../watch/alerts/notice.ts'
import { type AlertRule, rulesOf } from '../../watch/alerts/rule.ts'
import type { Fault, Finding, ProofSession, Prover } from '../prover.ts'
import { alertMutants, handedOver, runningInstead, writtenWrongly } from './broken.ts'
import { openEnds, untriable } from './channels.ts'
import { deliver, escalate, movedClock, type Stage } from './deliver.ts'
import { failingProbe } from './failing-probe.ts'
import { rehearse } from './rehearse.ts'
import { brinkText, standInsOf } from './words.ts'

/**
 * Whether alerts reach people: samples just under and over the bound, for less and for as long as it takes, through rules, pager and channels to
 * ends that speak each provider's protocol, with an answer and the end of it.
 */
export const alertsProver: Prover = {
  kind: 'alerts',
  accepts: ({ path }) => path[0] === 'alerts' || (path[0] === 'incidents' && path[1] === 'escalation'),
  needsExercise: false,
  async *prove(guarantees, session) {
    const startedAt = session.clock.now()
    const stage = await openStage(session).catch((error: unknown) => messageOf(error))
    if (typeof stage === 'string') {
      const reason = `The ends of the channels could not be opened: ${stage}`
      const remedy = 'See that Postgres can be started here, and prove it again'
      for (const guarantee of guarantees)
        yield {
          guarantee,
          outcome: 'inconclusive',
          steps: [],
          reason,
          remedy,
          startedAt,
          tookMs: session.clock.now() - startedAt,
        }
      return
    }
    try {
      for (const guarantee of guarantees) yield await judge(guarantee, session, stage)
    } finally {
      await stage.ends.close()
    }
  },
  mutants: alertMutants,
}

/** Opens the ends of all channels of a plan, with a clock that stands. Whoever opened it closes the ends. */
export async function openStage({ clock, faults, scratch, seed, system }: ProofSession): Promise<Stage> {
  const directory = join(scratch.directory, 'pager')
  await mkdir(directory, { recursive: true })
  const moved = movedClock(clock.now())
  const database = async () => {
    const environment = await scratch.environment()
    return environment.server.url({ database: environment.database.name })
  }
  const ends = await openEnds(system.plan, database, moved.now)
  const plugged = faults.has('channel-unplugged') ? { ...ends, variables: {} } : ends
  return { plan: system.plan, ends: plugged, clock: moved, directory, seed }
}

async function judge(guarantee: Guarantee, session: ProofSession, stage: Stage): Promise<Finding> {
  const { clock, faults, system } = session
  const startedAt = clock.now()
  const steps = session.steps(guarantee.id)
  const common = () => ({ guarantee, steps: steps.done(), startedAt, tookMs: clock.now() - startedAt })
  const name = String(guarantee.path.at(-1))
  const isEscalation = guarantee.path[0] === 'incidents'
  const found = isEscalation ? ruleOfStep(system, name) : rulesOf(system.plan).find((each) => each.name === name)
  const rule = found && writtenWrongly(found, faults)
  if (rule === undefined) {
    return {
      ...common(),
      outcome: 'inconclusive',
      reason:
        'No alert and no probe of the plan is of this severity: an incident of it is opened by hand, and whoever opens it tells people',
      remedy: 'Give an alert or a probe the severity, or try the step in a drill',
    }
  }
  const remedy = `Run \`aval alerts explain ${rule.name}\`, mend the rule or its channels and prove it again`
  const breached = (breach: string): Finding => ({
    ...common(),
    outcome: 'measured',
    measured: 1,
    sample: { size: 1, of: 'alerts' },
    scale: null,
    reason: breach,
    remedy,
  })
  const channels = isEscalation ? (system.plan.incidents.escalation[name]?.to ?? []) : rule.channels
  const kinds = channels.map((channel) => system.plan.incidents.channels[channel]?.kind)
  if (kinds.every((kind) => kind !== undefined && untriable.has(kind))) {
    return {
      ...common(),
      outcome: 'inconclusive',
      reason: `${channels.join(' and ')} belongs to a cloud, which alone can say whether it reaches anybody`,
      remedy: 'Give it a channel that Aval delivers to as well, or try it there by hand',
    }
  }
  const begun = await steps.do(
    rule.source.kind === 'probe'
      ? `${rule.name} failing`
      : 'samples under and over the bound, for less and for long enough',
    async () => begin(system.plan, rule, stage, faults),
    (made) => (made.kept ? `told after ${readableMs(made.toldAfterMs)}` : made.breach),
  )
  if (!begun.kept) return breached(begun.breach)
  const { notices } = begun
  const breach = await steps.do(
    isEscalation ? 'told to the first, who does not answer' : 'delivered, acknowledged and ended',
    () =>
      isEscalation
        ? escalate(stage, name, noticeTo(system, name, notices))
        : deliver(stage, rule.name, handedOver(notices, faults), faults),
    (breached) => breached ?? 'as promised',
  )
  if (breach !== undefined) return breached(breach)
  const standIns = standInsOf(system.plan, channels)
  const trial = isEscalation ? '' : `; aval alerts test ${system.name} ${rule.name} asks the real ones`
  const stoodIn = standIns === '' ? '' : `, ${standIns}${trial}`
  return {
    ...common(),
    outcome: 'measured',
    measured: 0,
    sample: { size: begun.evaluations, of: 'evaluations over synthetic samples' },
    scale: null,
    reason: isEscalation
      ? `Told ${channels.join(' and ')} after ${formatDuration(system.plan.incidents.escalation[name]?.after ?? 0)} without an answer, not before${stoodIn}`
      : `${begun.at} after ${readableMs(begun.toldAfterMs)}; reached ${channels.join(' and ')}${stoodIn}`,
    remedy,
  }
}

type Begun =
  | { kept: true; notices: readonly Notice[]; toldAfterMs: number; evaluations: number; at: string }
  | { kept: false; breach: string }

function begin(plan: Plan, rule: AlertRule, stage: Stage, faults: ReadonlySet<Fault>): Begun {
  if (rule.source.kind === 'probe')
    return { kept: true, ...failingProbe(plan, rule, startOf(stage)), at: `Told of ${rule.name}` }
  const made = rehearse(plan, rule, startOf(stage), runningInstead(rule, faults))
  if (!made.kept) return made
  return { ...made, at: brinkText(made.brink.driven.metric, made.brink.under, made.brink.over) }
}

/** Every rehearsal begins a while after the last, since the clock of the stage never goes back. */
export function startOf({ clock }: Stage): number {
  const hour = 3_600_000
  return Math.ceil(clock.now() / hour) * hour
}

function ruleOfStep({ plan }: System, step: string): AlertRule | undefined {
  const severity = plan.incidents.escalation[step]?.severity
  const alerts = plan.incidents.severities[severity ?? '']?.alerts ?? []
  const rules = rulesOf(plan).filter(({ channels, severity: own }) => channels.length > 0 && alerts.includes(own))
  return rules.find(({ name }) => name in plan.alerts) ?? rules.find(({ source }) => source.kind === 'probe')
}

/** The notice that begins the step: on the channel it begins at, whether or not the alert names that itself. */
function noticeTo({ plan }: System, step: string, notices: readonly Notice[]): Notice {
  const [firing] = notices
  if (firing === undefined) throw new RangeError('a rehearsal that was kept has told somebody')
  return { ...firing, channel: plan.incidents.escalation[step]?.first ?? firing.channel }
}

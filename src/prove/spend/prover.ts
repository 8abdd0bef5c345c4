import { messageOf } from '../../errors.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import type { Budget } from '../../plan/spend.ts'
import { spendAlertsOf } from '../../plan/spend-alerts.ts'
import type { Notice } from '../../watch/alerts/notice.ts'
import { type AlertRule, rulesOf } from '../../watch/alerts/rule.ts'
import { dateAt } from '../../watch/scrape/spend/figures.ts'
import { untriable } from '../alerts/channels.ts'
import { deliver, type Stage } from '../alerts/deliver.ts'
import { openStage } from '../alerts/prover.ts'
import type { Fault, FaultMutant, Finding, Judged, ProofSession, Prover } from '../prover.ts'
import { dateAfter, dearer, type Figure, monthAfter } from './bill.ts'
import { liveThrough } from './live.ts'

/**
 * Whether somebody is told what is spent: for every alert of a budget a month of bills just under its bound and one just over, written as samples,
 * read as a watch reads them, and told through the ends of the channels until it is over. The plan's own source is not asked: what it says, nobody here decides.
 */
export const spendProver: Prover = {
  kind: 'alerts',
  accepts: ({ path }) => path[0] === 'spend',
  needsExercise: false,
  async *prove(guarantees, session) {
    const stage = await openStage(session).catch((error: unknown) => messageOf(error))
    try {
      for (const guarantee of guarantees) {
        const startedAt = session.clock.now()
        const judged: Judged =
          typeof stage === 'string'
            ? {
                outcome: 'inconclusive',
                reason: `The ends of the channels could not be opened: ${stage}`,
                remedy: 'See that Postgres can be started here, and prove it again',
              }
            : await judge(guarantee, session, stage)
        const steps = session.steps(guarantee.id).done()
        const finding: Finding = { ...judged, guarantee, steps, startedAt, tookMs: session.clock.now() - startedAt }
        yield finding
      }
    } finally {
      if (typeof stage !== 'string') await stage.ends.close()
    }
  },
  mutants: [
    mutant('spend-bound-doubled', 'The budget that runs is twice the one in the plan', /Nobody is told/),
    mutant('spend-bound-halved', 'The budget that runs is half of the one in the plan', /although/),
  ],
}

function mutant(fault: Fault, description: string, says: RegExp): FaultMutant {
  const breaks: FaultMutant['breaks'] = (guarantees) => guarantees.find(({ path }) => path[0] === 'spend')
  return { id: fault, fault, description, breaks, says }
}

/** The rules that run in place of those of the plan. */
function runningInstead(name: string, budget: Budget, faults: ReadonlySet<Fault>): Map<string, string> {
  const factor = faults.has('spend-bound-doubled') ? 2 : faults.has('spend-bound-halved') ? 0.5 : 1
  const items = Object.entries(budget.items).map(([item, bound]) => [
    item,
    { ...bound, monthly: bound.monthly * factor },
  ])
  const running = { ...budget, monthly: budget.monthly * factor, items: Object.fromEntries(items) }
  return new Map(spendAlertsOf(name, running).map(([alert, { when }]) => [alert, when]))
}

async function judge(guarantee: Guarantee, session: ProofSession, stage: Stage): Promise<Judged> {
  const { plan } = session.system
  const name = String(guarantee.path.at(-1))
  const budget = plan.spend[name]
  if (budget === undefined) throw new RangeError(`the plan has no budget ${name}`)
  const steps = session.steps(guarantee.id)
  const kinds = budget.notify.map((channel) => plan.incidents.channels[channel]?.kind)
  if (kinds.every((kind) => kind !== undefined && untriable.has(kind)))
    return {
      outcome: 'inconclusive',
      reason: 'What it notifies belongs to a cloud, which alone can say whether it reaches anybody',
      remedy: 'Give it a channel that Aval delivers to as well, or try it there by hand',
    }
  let readings = 0
  const measured = (breach: string | undefined, reason: string): Judged => ({
    outcome: 'measured',
    measured: breach === undefined ? 0 : 1,
    sample: { size: readings, of: 'readings of a bill' },
    scale: null,
    reason: breach ?? reason,
    remedy: 'Mend the budget or its channels and prove it again',
  })
  const whens = runningInstead(name, budget, session.faults)
  for (const watched of alertsOf(name, budget)) {
    const rule = rulesOf(plan).find((each) => each.name === watched.alert)
    const when = whens.get(watched.alert)
    if (rule?.source.kind !== 'query' || when === undefined) throw new RangeError(`no rule is called ${watched.alert}`)
    const running: AlertRule = { ...rule, source: { ...rule.source, when } }
    const lived = await steps.do(
      `${watched.alert}: a month just under the bound, and one over it`,
      () => tellsApart({ session, stage, name, budget, rule: running, ...watched }),
      (found) => found.breach ?? `told on ${found.told}`,
    )
    readings += lived.readings
    if (lived.breach !== undefined) return measured(lived.breach, '')
    const breach = await steps.do(
      `${watched.alert}: delivered, acknowledged and ended`,
      () => deliver(stage, watched.alert, lived.notices, session.faults),
      (found) => found ?? 'as promised',
    )
    if (breach !== undefined) return measured(breach, '')
  }
  const count = alertsOf(name, budget).length
  return measured(
    undefined,
    `Quiet just under each of its ${count} bounds, told on the day it is reached and when it is over; reached ${budget.notify.join(' and ')}; the samples were made for it`,
  )
}

interface Watched {
  alert: string
  figure: Figure
  bound: number
  item: string | undefined
}

/** Every alert of a budget, with what it looks at, reckoned from the plan alone. */
function alertsOf(name: string, { monthly, forecast, spent, items }: Budget): Watched[] {
  return [
    { alert: `${name}_spend_spent`, figure: 'month', bound: monthly * spent, item: undefined },
    { alert: `${name}_spend_forecast`, figure: 'forecast', bound: monthly * forecast, item: undefined },
    { alert: `${name}_spend_day`, figure: 'day', bound: Number.NaN, item: undefined },
    ...Object.entries(items).map(
      ([item, bound]): Watched => ({
        alert: `${name}_spend_on_${item}`,
        figure: 'item',
        bound: bound.monthly,
        item,
      }),
    ),
  ]
}

/** What came of two months, one just under a bound and one over it. */
interface Lived {
  breach: string | undefined
  /** Of the month over it. */
  notices: readonly Notice[]
  /** The date somebody is told. */
  told: string
  readings: number
}

/** So near to its bound a figure is brought, as a part of it: less than any bill is rounded to. */
const near = 1e-4

async function tellsApart(trial: {
  session: ProofSession
  stage: Stage
  name: string
  budget: Budget
  rule: AlertRule
  figure: Figure
  bound: number
  item: string | undefined
}): Promise<Lived> {
  const { session, stage, name, budget, rule, figure, item } = trial
  const { plan } = session.system
  // Half of what the least of its bounds allows, so that an ordinary month is far from all of them.
  const ordinaryOf = (days: number) => (budget.monthly * Math.min(budget.forecast, budget.spent)) / 2 / days
  const month = monthAfter(stage.clock.now(), budget.timeZone, ordinaryOf)
  const bound = figure === 'day' ? budget.day * month.ordinary : trial.bound
  const live = (part: number) => {
    const { amount, from, until } = dearer(figure, month, bound * part)
    return liveThrough({ plan, name, budget, rule, month, more: { amount, item } }).then((lived) => ({
      ...lived,
      from,
      until,
    }))
  }
  const under = await live(1 - near)
  const over = await live(1 + near)
  const { notices, from, until } = over
  const readings = under.readings + over.readings
  const found: Lived = { notices, readings, told: from, breach: undefined }
  const dateOf = (ms: number | undefined) => (ms === undefined ? 'never' : dateAt(ms, budget.timeZone))
  if (under.notices.length > 0)
    return { ...found, breach: `Somebody is told by ${rule.name} although its figure is just under the bound` }
  const [first] = notices
  if (first?.status !== 'firing')
    return { ...found, breach: `Nobody is told by ${rule.name} although its bound is passed` }
  if (dateOf(first.atMs) !== from)
    return { ...found, breach: `${rule.name} is told on ${dateOf(first.atMs)} although its bound is passed on ${from}` }
  const end = notices.find(({ status }) => status === 'resolved')
  if (dateOf(end?.atMs) !== dateAfter(until, 1))
    return {
      ...found,
      breach: `${rule.name} is over on ${dateOf(end?.atMs)} although it was last over its bound on ${until}`,
    }
  return found
}

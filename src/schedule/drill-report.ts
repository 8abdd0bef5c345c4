import { timestamp } from '../clock.ts'
import type { Evidence } from '../ledger/evidence.ts'
import type { Plan } from '../plan/plan.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { formatDuration } from '../plan/units.ts'
import type { Block, Document } from '../prove/report/document.ts'
import { formatMeasured, formatScale, formatTime } from '../prove/report/figures.ts'
import { roundsOf } from './calendar.ts'
import { inPeriod, type KpiFigure, kpiFigures, type Period } from './kpi.ts'

/** What a report of drills says; every figure and every tick is read from the ledger. */
export interface DrillReport {
  system: string
  title: string
  period: Period
  to: readonly string[]
  kpis: readonly KpiFigure[]
  /** What was carried out in the period, oldest first. */
  held: readonly Evidence[]
  /** Drills that came round in the period and of which there is no evidence. */
  missed: readonly { name: string; at: number; why: string }[]
  checklists: readonly { name: string; when: string; items: readonly { item: string; ticked: boolean; by: string }[] }[]
  /** Headings the plan asks for; what people write goes under them. */
  sections: readonly string[]
}

/**
 * @param name of `recovery.reports`; undefined for a report that no entry asks for.
 * @param evidence of the system, oldest first.
 */
export function drillReport(
  plan: Plan,
  name: string | undefined,
  evidence: readonly Evidence[],
  period: Period,
): DrillReport {
  const { recovery } = plan
  const within = evidence.filter((each) => inPeriod(each, period))
  const report = name === undefined ? undefined : recovery.reports[name]
  const missed = Object.entries(recovery.drills).flatMap(([drill, { calendar, scenario, environment, verifies }]) => {
    const at = roundsOf(calendar, recovery.timeZone).latest(period.to - 1)
    if (at === undefined || at < period.from) return []
    const prefix = verifies
      ? 'integrity/backups/'
      : scenario === undefined
        ? undefined
        : `recovery/procedure:${scenario}/`
    if (prefix !== undefined && within.some(({ guarantee }) => guarantee.startsWith(prefix))) return []
    const why = prefix === undefined || environment !== 'scratch' ? `held in ${environment}, by people` : 'no evidence'
    return [{ name: drill, at, why }]
  })
  return {
    system: plan.system,
    title: plan.title ?? plan.system,
    period,
    to: report?.to ?? [],
    kpis: kpiFigures(plan, evidence, period),
    held: within.filter(({ guarantee }) => /^(?:recovery|integrity|retention)\//.test(guarantee)),
    missed,
    checklists: Object.entries(recovery.checklists).map(([list, { when, items }]) => ({
      name: list,
      when,
      items: items.map(({ item, provenBy }) => tick(item, provenBy, within)),
    })),
    sections: report?.sections ?? [],
  }
}

/** Ticked when the newest evidence of each guarantee concerned is proven, and there is any. */
function tick(item: string, provenBy: string | undefined, evidence: readonly Evidence[]) {
  if (provenBy === undefined) return { item, ticked: false, by: 'a person' }
  const newest = new Map(
    evidence.filter(({ guarantee }) => guarantee.startsWith(provenBy)).map((each) => [each.guarantee, each]),
  )
  const all = [...newest.values()]
  const proven = all.filter(({ verdict }) => verdict === 'proven').length
  return {
    item,
    ticked: all.length > 0 && proven === all.length,
    by: all.length === 0 ? `nothing tried under ${provenBy}` : `${proven} of ${all.length} under ${provenBy} proven`,
  }
}

/** The report for people (`TECH-INF-001 §6.5.3`, `§6.5.4`). */
export function drillDocument(report: DrillReport, at: number): Document {
  const day = (ms: number) => timestamp(ms).slice(0, 10)
  const troubles = report.held.filter(({ verdict }) => verdict !== 'proven')
  const blocks: Block[] = [
    { kind: 'heading', text: 'Figures' },
    {
      kind: 'table',
      columns: ['figure', 'bound', 'measured', 'kept', 'evidence'],
      rows: report.kpis.map((kpi) => [
        kpi.claim,
        formatBound(kpi.bound),
        formatKpi(kpi),
        kpi.met === undefined ? 'not known' : kpi.met ? 'yes' : 'NO',
        String(kpi.sample),
      ]),
    },
    { kind: 'heading', text: 'What was carried out' },
    report.held.length === 0
      ? { kind: 'paragraph', text: 'Nothing was carried out in this period.' }
      : {
          kind: 'table',
          columns: ['when', 'guarantee', 'verdict', 'measured', 'scale', 'took', 'seed'],
          rows: report.held.map((each) => [
            each.startedAt.slice(0, 16).replace('T', ' '),
            each.guarantee,
            each.verdict,
            formatMeasured(each),
            formatScale(each),
            formatTime(each),
            String(each.seed),
          ]),
        },
    { kind: 'heading', text: 'Problems found' },
    troubles.length === 0
      ? {
          kind: 'paragraph',
          text: report.held.length === 0 ? noProblemPossible : `None in ${counted(report.held.length)}.`,
        }
      : {
          kind: 'list',
          items: troubles.map(
            ({ guarantee, verdict, reason, remedy }) => `${guarantee} is ${verdict}: ${reason}. ${remedy ?? ''}`,
          ),
        },
    ...(report.missed.length === 0
      ? []
      : [
          { kind: 'heading', text: 'Due, and not in the ledger' } as const,
          {
            kind: 'list',
            items: report.missed.map(({ name, at: due, why }) => `${name}, due ${day(due)}: ${why}`),
          } as const,
        ]),
    ...report.checklists.flatMap(({ name, when, items }): Block[] => [
      { kind: 'heading', text: `Checklist ${name}, ${when}` },
      { kind: 'checklist', items: items.map(({ item, ticked, by }) => ({ text: `${item} (${by})`, ticked })) },
    ]),
    ...(report.sections.length === 0
      ? []
      : [{ kind: 'heading', text: 'For people to write' } as const, { kind: 'list', items: report.sections } as const]),
  ]
  const readers = report.to.length === 0 ? '' : `, for ${report.to.join(', ')}`
  return {
    sort: 'Report of drills',
    title: report.title,
    facts: `${day(report.period.from)} to ${day(report.period.to)}, written ${timestamp(at).slice(0, 16).replace('T', ' ')} UTC${readers}`,
    blocks,
  }
}

/** Where nothing was tried, nothing was found: not the same as that all is well. */
const noProblemPossible = 'No problem can have been found: nothing was carried out in this period.'

function counted(tries: number): string {
  return tries === 1 ? 'the one thing that was carried out' : `${tries} things that were carried out`
}

export function formatBound(bound: KpiFigure['bound']): string {
  if (bound === undefined) return 'none'
  return 'atMost' in bound ? `≤ ${formatDuration(bound.atMost)}` : `≥ ${Math.round(bound.atLeast * 100)} %`
}

export function formatKpi({ measured, bound }: KpiFigure): string {
  if (measured === undefined) return 'nothing to measure'
  return bound && 'atLeast' in bound ? `${Math.round(measured * 1_000) / 10} %` : readableMs(measured)
}

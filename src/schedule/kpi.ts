import type { Evidence } from '../ledger/evidence.ts'
import type { Plan } from '../plan/plan.ts'

type Kpi = Plan['recovery']['kpis'][string]
type Measure = NonNullable<Kpi['measure']>

/** From `from`, to before `to`; milliseconds since the epoch. */
export interface Period {
  from: number
  to: number
}

/** One figure of the plan, filled from the ledger. */
export interface KpiFigure {
  name: string
  claim: string
  /** Milliseconds for a time, 0 to 1 for a share; undefined when the period holds nothing to take it from. */
  measured: number | undefined
  bound: { atMost: number } | { atLeast: number } | undefined
  /** Whether the bound is kept; undefined when there is no bound or nothing was measured. */
  met: boolean | undefined
  /** How many pieces of evidence it rests on. */
  sample: number
  source: string | undefined
}

/** Fills in the figures of a plan (`TECH-INF-001 §6.5.4`). What could not be judged counts for none of them. */
export function kpiFigures(plan: Plan, evidence: readonly Evidence[], period: Period): KpiFigure[] {
  const within = evidence.filter((each) => inPeriod(each, period))
  return Object.entries(plan.recovery.kpis).map(([name, kpi]) => {
    const { measured, sample } = kpi.measure ? take(kpi.measure, within) : { measured: undefined, sample: 0 }
    const bound =
      kpi.atMost !== undefined
        ? { atMost: kpi.atMost }
        : kpi.atLeast !== undefined
          ? { atLeast: kpi.atLeast }
          : undefined
    const met = measured === undefined || bound === undefined ? undefined : keeps(bound, measured)
    return { name, claim: kpi.claim, measured, bound, met, sample, source: kpi.source }
  })
}

export function inPeriod({ startedAt }: Pick<Evidence, 'startedAt'>, { from, to }: Period): boolean {
  const at = Date.parse(startedAt)
  return at >= from && at < to
}

function keeps(bound: { atMost: number } | { atLeast: number }, measured: number): boolean {
  return 'atMost' in bound ? measured <= bound.atMost : measured >= bound.atLeast
}

function take(measure: Measure, evidence: readonly Evidence[]): { measured: number | undefined; sample: number } {
  const figures = (pattern: RegExp) =>
    evidence.flatMap(({ guarantee, measured }) => (pattern.test(guarantee) && measured !== null ? [measured] : []))
  const share = (pattern: RegExp) => {
    const judged = evidence.filter(({ guarantee, verdict }) => pattern.test(guarantee) && verdict !== 'inconclusive')
    const proven = judged.filter(({ verdict }) => verdict === 'proven').length
    return { measured: judged.length === 0 ? undefined : proven / judged.length, sample: judged.length }
  }
  const of = (values: readonly number[], figure: (values: readonly number[]) => number) => ({
    measured: values.length === 0 ? undefined : figure(values),
    sample: values.length,
  })
  switch (measure) {
    case 'longest-recovery':
      return of(figures(recoveryTime), (values) => Math.max(...values))
    case 'mean-recovery':
      return of(figures(recoveryTime), (values) => values.reduce((sum, value) => sum + value, 0) / values.length)
    case 'most-data-lost':
      return of(figures(/^recovery\/[^/]+\/loss$/), (values) => Math.max(...values))
    case 'drills-that-succeeded':
      return share(recoveryTime)
    case 'runbooks-as-written':
      return share(/^runbooks\//)
  }
}

/** A recovery that was carried out and timed, of an objective or of a procedure. */
const recoveryTime = /^recovery\/[^/]+\/time$/

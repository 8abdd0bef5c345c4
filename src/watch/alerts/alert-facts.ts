import { isQuery, type Matcher, parsePromql, type Selector, selectorsOf } from '../../check/promql/parse.ts'
import { seriesOf } from '../../check/promql/series.ts'
import type { Plan } from '../../plan/plan.ts'
import { type Comparison, comparisonOf } from './comparison.ts'
import { inhibitorOf } from './inhibition.ts'
import { readerOf } from './probe-readers.ts'
import { type Evaluate, type Evaluation, type Reading, readQuery } from './reading.ts'
import { type AlertSetup, type AlertState, firingOf } from './round.ts'
import type { AlertRule } from './rule.ts'
import type { Instance, RuleState } from './rule-state.ts'
import { type Silence, silenceOf, silencesAbout } from './silence.ts'

/** What keeps one firing instance from being told. */
export interface Muffled {
  silence: Silence | undefined
  /** The maintenance window it falls into, and its end. */
  maintenance: { name: string; endsAtMs: number } | undefined
  /** The alert that inhibits it. */
  inhibitor: string | undefined
}

/** What is known of one selector of an alert's condition. */
export interface SelectorFacts {
  text: string
  /** How many series it finds now; undefined when nobody looked. */
  series: number | undefined
  /** Why it can never find any, by the plan: an undeclared metric, a value its label never has. */
  never: string | undefined
}

/** All that `explainAlert` speaks of. */
export interface AlertFacts {
  rule: AlertRule
  atMs: number
  state: RuleState | undefined
  /** The condition, read now. */
  reading: Reading
  /** The figure by itself, read now, where the condition is a comparison. */
  compared: (Comparison & { now: Evaluation }) | undefined
  selectors: readonly SelectorFacts[]
  /** Silences in force that it or some of its series fall under, whether or not it fires. */
  silences: readonly Silence[]
  /** Of a probe: the alert that tells people of what it saw. */
  reader: string | undefined
  /** By id of the instance; only of those that fire. */
  muffled: ReadonlyMap<string, Muffled>
  /** When channels were told of it, by id of the instance. */
  toldMs: ReadonlyMap<string, number>
}

/**
 * Gathers what there is to say of a rule now. It decides nothing and changes nothing.
 * @param seriesOfSelector how many series a selector finds at a moment.
 */
export function alertFacts(
  setup: AlertSetup,
  state: AlertState,
  rule: AlertRule,
  evaluate: Evaluate,
  seriesOfSelector: ((selector: Selector, atMs: number) => number) | undefined,
  atMs: number,
): AlertFacts {
  const own = state.rules.get(rule.name)
  const when = rule.source.kind === 'query' ? rule.source.when : undefined
  const comparison = when === undefined ? undefined : comparisonOf(when)
  const compared = comparison && { ...comparison, now: evaluate({ rule: rule.name, when: comparison.left }, atMs) }
  const query = when === undefined ? undefined : parsePromql(when)
  const selectors = query && isQuery(query) ? selectorsOf(query) : []
  const firing = (own?.instances ?? []).filter(({ phase }) => phase === 'firing')
  return {
    rule,
    atMs,
    state: own,
    reading: readQuery(rule, evaluate, atMs),
    compared,
    selectors: selectors.map((selector) => ({
      text: written(selector),
      series: seriesOfSelector?.(selector, atMs),
      never: impossible(setup.plan, selector),
    })),
    reader: readerOf(rule, setup.rules),
    silences: silencesAbout(state.silences.values(), { alert: rule.name, severity: rule.severity }, atMs),
    muffled: new Map(firing.map((instance) => [instance.id, muffledBy(setup, state, rule, instance, atMs)])),
    toldMs: new Map(
      [...state.groups.values()].flatMap(({ members, toldMs }) =>
        members.flatMap(({ id, told }): [string, number][] => (told && toldMs !== undefined ? [[id, toldMs]] : [])),
      ),
    ),
  }
}

function muffledBy(setup: AlertSetup, state: AlertState, rule: AlertRule, instance: Instance, atMs: number): Muffled {
  const rules = new Map([...setup.rules, [rule.name, rule]])
  const firing = firingOf(rules, state.rules).map((one) => ({ alert: one.rule.name, labels: one.instance.labels }))
  const alert = { alert: rule.name, severity: rule.severity, labels: instance.labels }
  const window = setup.windows.find((one) => one.covers(rule.name) && one.endsAt(atMs) !== undefined)
  const endsAtMs = window?.endsAt(atMs)
  return {
    silence: silenceOf(state.silences.values(), alert, atMs),
    maintenance: window && endsAtMs !== undefined ? { name: window.name, endsAtMs } : undefined,
    inhibitor: inhibitorOf(alert, firing, rules)?.alert,
  }
}

function impossible(plan: Plan, { metric, matchers }: Selector): string | undefined {
  if (metric === undefined) return undefined
  const series = seriesOf(plan, metric)
  if ('problem' in series) return series.problem
  for (const { label, op, value } of matchers) {
    const declared = series.labels.includes(label) ? plan.telemetry.labels[label] : undefined
    if (declared && op === '=' && value !== '' && value !== 'other' && !declared.includes(value)) {
      return `The label "${label}" never has the value "${value}": it has ${declared.join(', ')} or other.`
    }
  }
  return undefined
}

function written({ metric, matchers }: Selector): string {
  const inside = matchers.map(({ label, op, value }: Matcher) => `${label}${op}${JSON.stringify(value)}`).join(', ')
  return `${metric ?? ''}${inside === '' ? '' : `{${inside}}`}`
}

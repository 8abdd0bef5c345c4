import type { PlanPath } from './plan.ts'

export const guaranteeKinds = [
  'behaviour',
  'recovery',
  'integrity',
  'retention',
  'isolation',
  'migration',
  'blindness',
  'limits',
  'performance',
  'telemetry',
  'alerts',
  'probes',
  'runbooks',
] as const
export type GuaranteeKind = (typeof guaranteeKinds)[number]

export type Unit = 'ms' | 'bytes' | 'ratio' | 'count' | 'per-second'

/** What a measurement is held against. `holds`: a claim that is true or not, measured as its number of violations. */
export type Bound = { op: 'holds' } | { op: '<=' | '<' | '>=' | '>' | '='; value: number; unit: Unit }

/** `read-only` may run anywhere, `scratch` only in an environment of its own, `disruptive` breaks what it runs on. */
export type Safety = 'read-only' | 'scratch' | 'disruptive'

/** One promise of a plan, derived from it: what is claimed, how it is bounded and where it was written. */
export interface Guarantee {
  /** `kind/subject/name`; unique in its system. */
  id: string
  system: string
  kind: GuaranteeKind
  subject: string
  claim: string
  target: Bound
  source: string | undefined
  requirements: readonly string[]
  safety: Safety
  /** Milliseconds after which evidence is stale. */
  freshFor: number
  /** The plan entry it was derived from. */
  path: PlanPath
}

/** Whether an id begins with any of these; with none every id does. */
export function idBegins(id: string, prefixes: readonly string[]): boolean {
  return prefixes.length === 0 || prefixes.some((prefix) => id.startsWith(prefix))
}

/** Whether a measurement meets its target. For `holds`, `measured` is the number of violations found. */
export function meets(target: Bound, measured: number): boolean {
  switch (target.op) {
    case 'holds':
      return measured === 0
    case '<=':
      return measured <= target.value
    case '<':
      return measured < target.value
    case '>=':
      return measured >= target.value
    case '>':
      return measured > target.value
    case '=':
      return measured === target.value
  }
}

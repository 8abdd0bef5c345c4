import type { PlanPath } from '../plan/plan.ts'

/** A nested object of a plan together with its path. */
export interface Entry {
  path: PlanPath
  value: object
}

/** Every object within a plan, the plan itself first, in the order they were written. */
export function* entriesOf(value: unknown, path: PlanPath = []): Generator<Entry> {
  if (typeof value !== 'object' || value === null) return
  yield { path, value }
  const members: [string | number, unknown][] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : Object.entries(value)
  for (const [key, member] of members) yield* entriesOf(member, [...path, key])
}

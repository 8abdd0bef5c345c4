import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Plan } from '../../plan/plan.ts'
import { type Labels, seriesKey } from '../series.ts'
import type { Point, Reading } from './reading.ts'
import type { AlertRule } from './rule.ts'

const instance = z.strictObject({
  id: z.string(),
  labels: z.record(z.string(), z.string()),
  phase: z.enum(['pending', 'firing']),
  /** When the condition began to hold. */
  sinceMs: z.number(),
  /** How much of the time since then nobody could see whether it holds. */
  unobservedMs: z.number(),
  lastTrueMs: z.number(),
  /** Since when the condition does not hold although it still fires. */
  falseSinceMs: z.number().optional(),
  /** JSON knows neither NaN nor infinity. */
  value: z.number().nullable(),
})

/** What is kept of a rule between rounds. A rule that is quiet and was read keeps nothing. */
export const ruleState = z.strictObject({
  instances: z.array(instance).readonly(),
  lastMs: z.number(),
  /** Set while the last reading told nothing. */
  unknown: z
    .strictObject({ why: z.enum(['failed', 'missing', 'inconclusive']), says: z.string(), sinceMs: z.number() })
    .optional(),
  /** Of a probe. */
  failuresInARow: z.number().optional(),
})

export type Instance = z.infer<typeof instance>
export type RuleState = z.infer<typeof ruleState>

/**
 * One step of a rule: inactive, pending for `forMs`, firing, firing on for `keepFiringForMs`, ended. A moment whose reading tells
 * nothing moves no instance: what is pending stays so and the time does not count, what fires goes on.
 * @returns the new state, undefined when there is nothing to keep, and the firing instances that ended now.
 */
export function advance(
  rule: AlertRule,
  state: RuleState | undefined,
  reading: Reading,
  atMs: number,
): { state: RuleState | undefined; ended: Instance[] } {
  if (reading.kind === 'known' && reading.points.length === 0 && state === undefined) return { state, ended: [] }
  const before = state ?? { instances: [], lastMs: atMs }
  const blindMs = reading.kind === 'unknown' || before.unknown ? atMs - before.lastMs : 0
  const seen = before.instances.map((old) =>
    blindMs > 0 && old.phase === 'pending' ? { ...old, unobservedMs: old.unobservedMs + blindMs } : old,
  )
  const kept = before.failuresInARow === undefined ? {} : { failuresInARow: before.failuresInARow }
  if (reading.kind === 'unknown') {
    const { why, says } = reading
    const sinceMs = before.unknown?.why === why ? before.unknown.sinceMs : atMs
    return { state: { ...kept, instances: seen, lastMs: atMs, unknown: { why, says, sinceMs } }, ended: [] }
  }
  const points = distinct(rule.name, reading.points)
  const instances: Instance[] = []
  const ended: Instance[] = []
  for (const old of seen) {
    const point = points.get(old.id)
    points.delete(old.id)
    if (point) instances.push(ripened(rule, holding(old, point.value, atMs), atMs))
    else if (old.phase === 'firing') {
      const falseSinceMs = old.falseSinceMs ?? atMs
      if (atMs - falseSinceMs < rule.keepFiringForMs) instances.push({ ...old, falseSinceMs })
      else ended.push({ ...old, falseSinceMs })
    }
  }
  for (const [id, { labels, value }] of points) {
    const fresh: Instance = {
      id,
      labels,
      phase: 'pending',
      sinceMs: atMs,
      unobservedMs: 0,
      lastTrueMs: atMs,
      value: finite(value),
    }
    instances.push(ripened(rule, fresh, atMs))
  }
  const nothing = instances.length === 0 && !kept.failuresInARow
  return { state: nothing ? undefined : { ...kept, instances, lastMs: atMs }, ended }
}

/** How long an instance was seen to hold. */
export function heldMs({ sinceMs, unobservedMs }: Pick<Instance, 'sinceMs' | 'unobservedMs'>, atMs: number): number {
  return atMs - sinceMs - unobservedMs
}

/**
 * The labels of a series as far as the plan lists them, `other` for a value it does not. Series that differ in nothing that may be told
 * become one.
 */
export function listedLabels(plan: Plan, labels: Labels): Labels {
  const listed = plan.telemetry.labels
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([name]) => Object.hasOwn(listed, name))
      .map(([name, value]) => [name, listed[name]?.includes(value) ? value : 'other']),
  )
}

function holding({ falseSinceMs: _, ...old }: Instance, value: number, atMs: number): Instance {
  return { ...old, lastTrueMs: atMs, value: finite(value) }
}

function ripened(rule: AlertRule, instance: Instance, atMs: number): Instance {
  return instance.phase === 'pending' && heldMs(instance, atMs) >= rule.forMs
    ? { ...instance, phase: 'firing' }
    : instance
}

/** Points by the id of their instance; of those that became one, the greatest figure stays. */
function distinct(name: string, points: readonly Point[]): Map<string, Point> {
  const byId = new Map<string, Point>()
  for (const point of points) {
    const id = instanceId(name, point.labels)
    const other = byId.get(id)
    if (!other || point.value > other.value) byId.set(id, point)
  }
  return new Map([...byId].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function instanceId(name: string, labels: Labels): string {
  return createHash('sha256')
    .update(`${name}\n${seriesKey(labels)}`)
    .digest('hex')
    .slice(0, 16)
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

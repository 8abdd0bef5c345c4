import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parsePlan } from '../src/plan/plan.ts'

const root = resolve(import.meta.dirname, '..')
const folders = ['src/watch/scrape/measured', 'src/watch/scrape/probes'].map((folder) => join(root, folder))
const sources = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8')),
)

/** Metrics of a plan that Aval is to measure, by no query and no source of its own. */
function unmeasured(value: unknown): string[] {
  const parsed = parsePlan(value)
  assert.ok('plan' in parsed)
  return Object.entries(parsed.plan.telemetry.metrics)
    .filter(([, { emittedBy, query }]) => emittedBy.includes('aval') && query === undefined)
    .map(([name]) => name)
    .filter((name) => !sources.some((source) => source.includes(`'${name}'`)))
}

for (const system of ['medtime', 'supra-water', 'autorenta', 'bloom']) {
  test(`every metric of ${system} that Aval is to measure has a source`, async () => {
    const { default: plan }: { default: unknown } = await import(join(root, 'systems', system, 'plan.ts'))
    assert.deepEqual(unmeasured(plan), [])
  })
}

test('a metric without a source is seen', () => {
  const metrics = { moon_phase: { type: 'gauge', help: 'h', emittedBy: ['aval'] } }
  assert.deepEqual(unmeasured({ system: 'tiny', telemetry: { metrics } }), ['moon_phase'])
})

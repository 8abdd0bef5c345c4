import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asSource } from '../scripts/as-source.ts'
import { outOfDate } from '../scripts/generate-docs.ts'
import { planExamples } from '../scripts/plan-examples.ts'
import { undescribed } from '../scripts/plan-reference.ts'
import { parsePlan, planLanguage } from '../src/plan/plan.ts'

test('the generated documents say what the source says; else run `node scripts/generate-docs.ts`', async () => {
  assert.deepEqual(await outOfDate(), [])
})

test('every entry of the language says what it is for', () => {
  assert.deepEqual(undescribed(), [])
})

test('the examples of the plan reference are one plan, with every section that has entries of its own', () => {
  const parsed = parsePlan({ system: 'shop', ...planExamples })
  assert.ok('plan' in parsed, JSON.stringify(parsed))
  const plain = ['system', 'title', 'exercise', 'requirements', 'note']
  const sections = Object.keys(planLanguage().properties ?? {}).filter((name) => !plain.includes(name))
  assert.deepEqual(Object.keys(planExamples).sort(), sections.sort())
})

test('an example is written as a person would write it, and evaluates to what it stands for', () => {
  assert.equal(asSource({ a: "it's", 'b-c': [1, true], d: {} }), `{ a: "it's", 'b-c': [1, true], d: {} }`)
  const printed = asSource(planExamples)
  assert.deepEqual(new Function(`return ${printed}`)(), planExamples)
  assert.ok(printed.split('\n').every((line) => line.length <= 130))
})

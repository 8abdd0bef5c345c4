import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Plan, type PlanInput, parsePlan } from '../../../plan/plan.ts'
import { spendFigures } from './figures.ts'
import { readSamples } from './samples.ts'
import { spendReadings } from './spend-target.ts'

const noon = (date: string) => Date.parse(`${date}T12:00:00Z`)

/** One entry a day. */
function days(from: string, amounts: readonly number[], item?: string) {
  return amounts.map((amount, index) => ({
    date: new Date(Date.parse(from) + index * 86_400_000).toISOString().slice(0, 10),
    amount,
    ...(item === undefined ? {} : { item }),
  }))
}

const at = (date: string) => ({ nowMs: noon(date), timeZone: 'UTC', freshForMs: 3 * 86_400_000 })
const of = (all: ReturnType<typeof days>) => ({ currency: 'USD', days: all })

test('the month is what is spent of it; the forecast adds what the last seven full days cost for each that is left', () => {
  const samples = of([
    ...days('2026-01-25', Array(7).fill(1)),
    ...days('2026-02-01', Array(14).fill(2)),
    ...days('2026-02-15', [0.5]),
  ])
  const figures = spendFigures(samples, at('2026-02-15'))
  assert.equal(figures.month, 28.5)
  assert.equal(figures.forecast, 28 + 14 * 2)
  assert.deepEqual([figures.day, figures.usualDay], [2, (7 * 1 + 13 * 2) / 20])
})

test('today counts as a day once it costs more than the last full one; a month that is over costs what it cost', () => {
  const samples = of([...days('2026-01-01', Array(30).fill(1)), ...days('2026-01-31', [9])])
  const figures = spendFigures(samples, at('2026-01-31'))
  assert.deepEqual([figures.day, figures.usualDay, figures.month, figures.forecast], [9, 1, 39, 39])
  const next = spendFigures(samples, at('2026-02-01'))
  assert.deepEqual([next.month, next.day, next.usualDay], [0, 9, 1])
  assert.equal(next.forecast, Math.round(((6 * 1 + 9) / 7) * 28 * 1e6) / 1e6)
})

test('too few days give neither a forecast nor a usual day, and a day that is not told of cost nothing', () => {
  const figures = spendFigures(of(days('2026-02-01', [4, 4])), at('2026-02-03'))
  assert.deepEqual([figures.forecast, figures.usualDay, figures.month], [undefined, undefined, 8])
  const apart = (newest: string) => of([...days('2026-02-01', [8]), ...days(newest, [4])])
  assert.equal(spendFigures(apart('2026-02-07'), at('2026-02-08')).usualDay, undefined, 'six days before the newest')
  assert.equal(spendFigures(apart('2026-02-08'), at('2026-02-09')).usualDay, 1.142857)
  assert.equal(spendFigures(apart('2026-02-09'), at('2026-02-09')).usualDay, 1.142857, 'today is not over')
})

test('credits are taken off, items are of the month alone, and the zone says which day it is', () => {
  const samples = of([
    ...days('2026-01-30', [5, 5], 'storage'),
    ...days('2026-02-01', [5, -2], 'storage'),
    ...days('2026-02-01', [1]),
  ])
  const figures = spendFigures(samples, at('2026-02-02'))
  assert.deepEqual([figures.month, [...figures.items]], [4, [['storage', 3]]])
  const west = { ...at('2026-02-01'), nowMs: Date.parse('2026-02-01T03:00:00Z'), timeZone: 'America/Mexico_City' }
  assert.throws(() => spendFigures(of(days('2026-02-01', [1])), west), /2026-02-01, which is yet to come/)
})

test('figures that are too old are none', () => {
  const samples = of(days('2026-02-01', [1, 1, 1]))
  assert.equal(spendFigures(samples, at('2026-02-06')).month, 3)
  assert.throws(() => spendFigures(samples, at('2026-02-07')), /its newest day is 2026-02-03, older than 3d/)
})

test('however a bill is split over entries and in whatever order it is told, it comes to the same', () => {
  const amounts = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 10, maxLength: 40 })
  fc.assert(
    fc.property(amounts, fc.integer(), (cents, seed) => {
      const whole = days(
        '2026-01-01',
        cents.map((each) => each / 100),
      )
      const split = whole.flatMap(({ date, amount }) => [
        { date, amount: amount / 4 },
        { date, amount: (amount * 3) / 4 },
      ])
      split.sort((a, b) => ((a.amount * 7919 + seed) % 13) - ((b.amount * 7919 + seed) % 13))
      const newest = whole.at(-1)?.date ?? ''
      assert.deepEqual(spendFigures(of(split), at(newest)), spendFigures(of(whole), at(newest)))
    }),
    { seed: 20_260_203 },
  )
})

test('what is not of the form is refused, and nothing of it is repeated', () => {
  const refused = (value: unknown, says: RegExp) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    assert.throws(() => readSamples(text, 'USD'), says)
    assert.throws(
      () => readSamples(text, 'USD'),
      ({ message }: Error) => !message.includes('secret'),
    )
  }
  refused('secret', /not JSON/)
  refused({ currency: 'USD', days: [] }, /not of the form: too_small at days/)
  refused(
    { currency: 'USD', days: [{ date: 'secret', amount: 1 }] },
    /not of the form: invalid_format at days\.0\.date/,
  )
  refused({ currency: 'USD', days: [{ date: '2026-02-03', amount: '1' }] }, /invalid_type at days\.0\.amount/)
  refused({ currency: 'USD', days: [{ date: '2026-02-03', amount: 1, secret: 1 }] }, /unrecognized_keys at days\.0/)
  refused({ currency: 'EUR', days: [{ date: '2026-02-03', amount: 1 }] }, /not in USD/)
})

function planWith(from: NonNullable<PlanInput['spend']>[string]['from']): Plan {
  const parsed = parsePlan({
    system: 'shop',
    spend: {
      cloud: { monthly: 100, from, items: { storage: { monthly: 50 }, sms: { monthly: 5 } }, notify: ['desk'] },
    },
  })
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems))
  return parsed.plan
}

async function readings(t: TestContext, from: NonNullable<PlanInput['spend']>[string]['from'], text = '') {
  const directory = await mkdtemp(join(tmpdir(), 'aval-spend-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'spend.json'), text)
  const budget = planWith(from).spend['cloud']
  assert.ok(budget)
  const clock = { now: () => noon('2026-02-11'), sleep: async () => undefined }
  const world = { directory, environment: { ...process.env, BILL_TOKEN: 'token', SECRET: 'secret' }, clock }
  const found = await spendReadings('cloud', budget, world)
  return found.map(({ labels: { __name__, budget: of, ...labels }, value }) => [__name__, of, labels, value])
}

const bill = JSON.stringify(
  of([...days('2026-02-01', Array(10).fill(1), 'storage'), ...days('2026-02-01', [3], 'other thing')]),
)

test('a file of samples gives the figures of its budget, and of the items that the plan lists alone', async (t) => {
  assert.deepEqual(await readings(t, { file: 'spend.json' }, bill), [
    ['aval_spend_month', 'cloud', {}, 13],
    ['aval_spend_forecast', 'cloud', {}, 13 + 18],
    ['aval_spend_day', 'cloud', {}, 1],
    ['aval_spend_usual_day', 'cloud', {}, 1.333333],
    ['aval_spend_item_month', 'cloud', { item: 'storage' }, 10],
    ['aval_spend_item_month', 'cloud', { item: 'sms' }, 0],
  ])
  await assert.rejects(readings(t, { file: 'missing.json' }), /ENOENT/)
})

test('so does a command, which gets no variable but those it names and no more time than the plan gives it', async (t) => {
  const script = `
    if (process.env.BILL_TOKEN !== 'token' || process.env.SECRET !== undefined) process.exit(4)
    console.log(require('node:fs').readFileSync('spend.json', 'utf8'))`
  const command = ['node', '-e', script]
  const [[, , , month] = []] = await readings(t, { command, variables: ['BILL_TOKEN'] }, bill)
  assert.equal(month, 13)
  await assert.rejects(readings(t, { command }, bill), /ended with exit code 4/)
  const endless = ['node', '-e', "console.log('secret'); setInterval(() => {}, 1000)"]
  await assert.rejects(readings(t, { command: endless, within: '100ms' }), /not done within 100ms/)
})

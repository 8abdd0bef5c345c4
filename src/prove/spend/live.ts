import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Plan } from '../../plan/plan.ts'
import type { Budget } from '../../plan/spend.ts'
import type { Notice } from '../../watch/alerts/notice.ts'
import { alertSetup } from '../../watch/alerts/round.ts'
import type { AlertRule } from '../../watch/alerts/rule.ts'
import { simulate } from '../../watch/alerts/simulate.ts'
import { evaluationOver } from '../../watch/evaluation.ts'
import { memorySeries } from '../../watch/promql/memory-series.ts'
import { dateAt } from '../../watch/scrape/spend/figures.ts'
import { spendReadings } from '../../watch/scrape/spend/spend-target.ts'
import { type Labels, type SeriesSpan, seriesKey } from '../../watch/series.ts'
import { type BilledMonth, billOn, dateAfter } from './bill.ts'

/** How often the bill is read; a day has several readings in every zone. */
const stepMs = 8 * 3_600_000

/** A month of bills and the rule that watches it. */
export interface SpendStory {
  plan: Plan
  name: string
  budget: Budget
  rule: AlertRule
  month: BilledMonth
  more: { amount: number; item: string | undefined }
}

/**
 * Writes the bill of every day of a month from its second week to some days beyond to a file, has it read as a watch reads it, and judges the rule by what was read.
 * @returns all that would be told, oldest first, and how often it was read.
 */
export async function liveThrough(story: SpendStory): Promise<{ notices: Notice[]; readings: number }> {
  const { plan, name, budget, rule, month, more } = story
  const directory = await mkdtemp(join(tmpdir(), 'aval-spend-'))
  const file = join(directory, 'bill.json')
  try {
    const fromMs = Date.parse(dateAfter(month.first, 6))
    const untilMs = Date.parse(dateAfter(month.first, month.days + 4))
    const stored = new Map<string, { labels: Labels; times: number[]; values: number[] }>()
    let readings = 0
    for (let atMs = fromMs; atMs < untilMs; atMs += stepMs) {
      const days = billOn(month, dateAt(atMs, budget.timeZone), more)
      await writeFile(file, JSON.stringify({ currency: budget.currency, days }))
      const clock = { now: () => atMs, sleep: async () => undefined }
      const world = { directory, environment: {}, clock }
      readings++
      for (const { labels, value } of await spendReadings(name, { ...budget, from: { file } }, world)) {
        const key = seriesKey(labels)
        const series = stored.get(key) ?? { labels, times: [], values: [] }
        series.times.push(atMs)
        series.values.push(value)
        stored.set(key, series)
      }
    }
    const spans = [...stored.values()].map(
      ({ labels, times, values }): SeriesSpan => ({
        labels,
        timesMs: Float64Array.from(times),
        values: Float64Array.from(values),
        endedAtMs: new Float64Array(0),
      }),
    )
    const setup = { ...alertSetup(plan), rules: new Map([[rule.name, rule]]) }
    const evaluate = evaluationOver(memorySeries(spans))
    return { notices: simulate({ setup, fromMs, untilMs, stepMs, evaluate }).notices, readings }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

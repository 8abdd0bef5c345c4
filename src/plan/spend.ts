import { z } from 'zod'
import { alertSeverity } from './alerts.ts'
import { citation, name } from './citation.ts'
import { duration, ratio } from './units.ts'

const amount = z.number().positive()

const source = z.union([
  z
    .strictObject({ file: z.string().min(1).describe('JSON, relative to the folder of the system or absolute.') })
    .describe('A file that somebody else writes.'),
  z
    .strictObject({
      command: z
        .array(z.string())
        .min(1)
        .describe('Program and arguments that print JSON, run in the folder of the system.'),
      within: duration.default(60_000).describe('When it counts as failed and is ended.'),
      variables: z
        .array(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'the name of a variable, such as CLOUD_TOKEN'))
        .default([])
        .describe('Variables of the environment of Aval that it gets besides PATH, HOME and LANG.'),
    })
    .describe('A command that asks whoever sends the bill.'),
])

/** Budgets by the calendar month; each becomes series and alerts. */
export const spend = z
  .record(
    name,
    z.strictObject({
      monthly: amount.describe('What may be spent in a calendar month.'),
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/, 'three letters, such as USD')
        .default('USD')
        .describe('What amounts are in; samples in another are refused.'),
      timeZone: z.string().default('UTC').describe('IANA name of the zone whose days and months count.'),
      from: source.describe(
        "Where samples come from: { currency: 'USD', days: [{ date: '2026-02-03', item: 'storage', amount: 1.25 }] }, an item being optional.",
      ),
      every: duration.default(3_600_000).describe('How often they are read.'),
      freshFor: duration
        .default(259_200_000)
        .describe('How old the newest day may be; with older ones nothing can be judged.'),
      forecast: ratio.default(0.8).describe('The part of the budget that the forecast of the month may reach.'),
      spent: ratio.default(1).describe('The part of the budget that may be spent.'),
      day: ratio.default(1.5).describe('What one day may cost, as a part of the daily average of the 30 days before.'),
      items: z
        .record(
          name,
          z.strictObject({
            monthly: amount.describe('What may be spent on it in a calendar month.'),
            summary: z.string().describe('What whoever is told reads first.').optional(),
            ...citation,
          }),
        )
        .default({})
        .describe('Parts of the bill with a bound of their own. Other items count to the whole alone.'),
      notify: z.array(z.string()).min(1).describe('Channels of incidents.channels that are told.'),
      severity: alertSeverity.default('high').describe('How grave a spent budget and an unusual day are.'),
      ticket: alertSeverity.default('medium').describe('How grave a forecast and an item past its bound are.'),
      runbook: z.string().describe('A name of runbooks.').optional(),
      ...citation,
    }),
  )
  .default({})
  .describe('What may be spent, from which alerts on the forecast, the month, the day and single items are made.')

export type Budget = z.output<typeof spend>[string]

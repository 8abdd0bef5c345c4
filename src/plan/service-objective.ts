import { z } from 'zod'
import { alertSeverity } from './alerts.ts'
import { citation, name } from './citation.ts'
import { duration, ratio } from './units.ts'

/** Service levels; each becomes alerts on how fast its error budget burns. */
export const serviceObjectives = z
  .record(
    name,
    z.strictObject({
      target: ratio.describe('The part that must succeed over the window.'),
      window: duration.default(2_592_000_000).describe('What the target is counted over; 30 days unless told.'),
      errors: z
        .string()
        .min(1)
        .describe(
          "PromQL of failures a second, $window in place of the range: 'sum(rate(http_errors_total[$window]))'.",
        ),
      total: z.string().min(1).describe('PromQL of all a second, $window in place of the range.'),
      minimumSample: z
        .int()
        .positive()
        .default(100)
        .describe('How many must be seen in the longer range before anything is concluded.'),
      page: alertSeverity.default('critical').describe('How grave a budget is that burns within days.'),
      ticket: alertSeverity.default('warning').describe('How grave one is that burns within the window.'),
      notify: z.array(z.string()).min(1).describe('Channels of incidents.channels that are told.'),
      runbook: z.string().describe('A name of runbooks.').optional(),
      ...citation,
    }),
  )
  .default({})
  .describe('Service levels, from which alerts on the burn rate of their error budgets are made.')

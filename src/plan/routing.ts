import { z } from 'zod'
import { alertSeverity } from './alerts.ts'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

/** How alerts become messages; the words are Alertmanager's. */
export const routing = z.strictObject({
  groupBy: z
    .array(z.string())
    .default(['alert'])
    .describe("What alerts of one message share: 'alert', 'severity' or labels of telemetry.labels."),
  groupWait: duration.default(0).describe('How long the first message of a group waits for more.'),
  groupInterval: duration.default(300_000).describe('How long after a message the next of its group may follow.'),
  repeatInterval: duration.default(14_400_000).describe('When what still fires is told again.'),
  severities: z
    .partialRecord(alertSeverity, z.array(z.string()).min(1))
    .default({})
    .describe("Channels that are told of every alert of a severity, besides the alert's own."),
  ...citation,
})

export const heartbeat = z
  .strictObject({
    notify: z.array(z.string()).min(1).describe('Channels whose receiver notices when it stays away.'),
    every: duration.default(60_000).describe('How often it is sent.'),
    ...citation,
  })
  .describe('A message that always comes while watching works: the dead-man switch.')

/** What is told of guarantees, which are no alerts of the plan. */
export const guaranteeAlerts = z.strictObject({
  notify: z
    .array(z.string())
    .default([])
    .describe('Channels that are told when a guarantee is refuted or stale, besides those of the severity.'),
  refuted: alertSeverity.default('high').describe('How grave a refuted guarantee is.'),
  stale: alertSeverity.default('warning').describe('How grave a guarantee without fresh proof is.'),
  ...citation,
})

export const maintenance = z
  .record(
    name,
    z.strictObject({
      schedule: z.string().describe("When it begins, as cron: '0 2 * * 0'."),
      timeZone: z.string().default('UTC').describe('IANA name of the zone the schedule is meant in.'),
      lasts: duration.describe('How long it is.'),
      alerts: z
        .array(z.string())
        .min(1)
        .describe("Alerts nobody is told of meanwhile; a probe is 'probe:<name>', a guarantee 'guarantee:<id>'."),
      why: z.string().describe('What is done in it.'),
      ...citation,
    }),
  )
  .default({})
  .describe('Planned work. What still fires when it ends is told then.')

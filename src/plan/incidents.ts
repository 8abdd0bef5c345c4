import { z } from 'zod'
import { alertSeverity } from './alerts.ts'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

export const incidents = z.strictObject({
  channels: z
    .record(
      name,
      z.strictObject({
        kind: z
          .enum(['pagerduty', 'slack', 'email', 'sms', 'webhook', 'monitor', 'notify'])
          .describe("'monitor': the cloud's own alerting; 'notify': NOTIFY on a channel of the database."),
        reaches: z.string().describe('Who is at the other end: a role, never a name.'),
        ...citation,
      }),
    )
    .default({}),
  severities: z
    .record(
      name,
      z.strictObject({
        meaning: z.string(),
        alerts: z.array(alertSeverity).default([]).describe('Severities of alerts that open an incident of this one.'),
        respondWithin: duration.optional(),
        ...citation,
      }),
    )
    .default({}),
  escalation: z
    .record(
      name,
      z.strictObject({
        severity: z.string(),
        first: z.string(),
        after: duration,
        to: z.array(z.string()).min(1),
        ...citation,
      }),
    )
    .default({}),
  review: z
    .strictObject({
      within: duration.optional(),
      sections: z.array(z.string()).min(1),
      ...citation,
    })
    .optional(),
  ...citation,
})

export const runbooks = z
  .record(
    name,
    z.strictObject({
      title: z.string(),
      severity: z.string(),
      owner: z.string().describe('A team or role.'),
      trigger: z.string().optional(),
      file: z.string().describe('Markdown with the commands, relative to the system.'),
      ...citation,
    }),
  )
  .default({})

export type Incidents = z.output<typeof incidents>
export type Runbook = z.output<typeof runbooks>[string]

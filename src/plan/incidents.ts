import { z } from 'zod'
import { actionMeans } from './actions.ts'
import { alertSeverity } from './alerts.ts'
import { citation, name } from './citation.ts'
import { guaranteeAlerts, heartbeat, maintenance, routing } from './routing.ts'
import { serviceObjectives } from './service-objective.ts'
import { duration } from './units.ts'

export const incidents = z.strictObject({
  channels: z
    .record(
      name,
      z.strictObject({
        kind: z
          .enum(['pagerduty', 'slack', 'email', 'sms', 'webhook', 'monitor', 'notify', 'console'])
          .describe(
            "'monitor': the cloud's own alerting; 'notify': NOTIFY on a channel of the database; 'console': kept here and listed by a command.",
          ),
        reaches: z.string().describe('Who is at the other end: a role, never a name.'),
        settings: z
          .record(name, z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'the name of a variable, such as PAGER_ROUTING_KEY'))
          .default({})
          .describe(
            'Variable of the environment that holds each address or secret; unless told, the channel and the setting: PAGER_ROUTING_KEY. The same name with _FILE names a file that holds it.',
          ),
        language: z.enum(['en', 'es']).default('en').describe('What its messages are written in.'),
        limit: z
          .strictObject({
            messages: z.int().positive().describe('How many.'),
            per: duration.describe('In how long.'),
          })
          .describe("The most it is sent; the provider's own limit unless told.")
          .optional(),
        otherwise: z
          .array(z.string())
          .default([])
          .describe('Channels that are told when it can not be reached; the message waits for it all the same.'),
        ...citation,
      }),
    )
    .default({})
    .describe('Ways to reach people.'),
  routing: routing.prefault({}).describe('How alerts become messages.'),
  heartbeat: heartbeat.optional(),
  actions: actionMeans.prefault({}),
  receiver: z
    .strictObject({
      port: z
        .int()
        .min(1)
        .max(65535)
        .describe('Preferred port of the loopback interface; a free one is taken when it is in use.'),
      ...citation,
    })
    .describe(
      'Where jobs tell that they are alive, while somebody watches. Without it the port is the one of the last time.',
    )
    .optional(),
  guarantees: guaranteeAlerts.prefault({}).describe('Who is told when a guarantee no longer holds.'),
  maintenance,
  objectives: serviceObjectives,
  severities: z
    .record(
      name,
      z.strictObject({
        meaning: z.string().describe('What an incident of it is.'),
        alerts: z.array(alertSeverity).default([]).describe('Severities of alerts that open an incident of this one.'),
        respondWithin: duration.describe('How soon somebody must answer.').optional(),
        ...citation,
      }),
    )
    .default({})
    .describe('How grave incidents are.'),
  escalation: z
    .record(
      name,
      z.strictObject({
        severity: z.string().describe('The severity it is for: a name of incidents.severities.'),
        first: z.string().describe('The channel that is told first.'),
        after: duration.describe('How long it may go without an answer.'),
        to: z.array(z.string()).min(1).describe('The channels that are told then.'),
        ...citation,
      }),
    )
    .default({})
    .describe('Who is told next when nobody answers.'),
  review: z
    .strictObject({
      within: duration.describe('How soon after the incident.').optional(),
      sections: z.array(z.string()).min(1).describe('What it holds.'),
      ...citation,
    })
    .describe('What is written after an incident.')
    .optional(),
  ...citation,
})

export const runbooks = z
  .record(
    name,
    z.strictObject({
      title: z.string().describe('What has happened, in a few words.'),
      severity: z.string().describe('A name of incidents.severities.'),
      owner: z.string().describe('A team or role.'),
      trigger: z.string().describe('What makes somebody open it.').optional(),
      file: z.string().describe('Markdown with the commands, relative to the system.'),
      ...citation,
    }),
  )
  .default({})
  .describe('What to do, written down and run as written.')

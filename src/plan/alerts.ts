import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

const action = z.strictObject({
  rollback: z
    .strictObject({ ifDeployedWithin: duration.describe('Only a release younger than this is taken back.') })
    .describe('Take the last release back.')
    .optional(),
  failover: z
    .strictObject({ after: duration.describe('How long the fault must have lasted.') })
    .describe('Let the standby take over.')
    .optional(),
  cleanUp: z.boolean().describe('Remove what may be removed.').optional(),
  scale: z.boolean().describe('Add an instance.').optional(),
  retry: z.enum(['backup']).describe('Try it again.').optional(),
  renew: z.enum(['certificate']).describe('Have a new one issued.').optional(),
  coolDown: duration
    .describe('How long after one the next of its kind is held back; 30 minutes unless told.')
    .optional(),
  investigate: z.string().describe('What the person who is called looks at first.').optional(),
})

/** From the worst down. */
export const alertSeverity = z.enum(['critical', 'high', 'warning', 'medium', 'low'])

const alert = z.strictObject({
  when: z.string().min(1).describe('PromQL; the alert fires while it returns a result.'),
  for: duration.default(0).describe('How long the condition must hold before anybody is told.'),
  keepFiringFor: duration.default(0).describe('How long it goes on firing after the condition ended.'),
  minimumSample: z
    .strictObject({
      of: z.string().min(1).describe('PromQL of how much was seen, such as the requests of the range.'),
      atLeast: z.number().positive().describe('Below it nothing is concluded: the alert neither fires nor ends.'),
    })
    .describe('What protects it from concluding from too little.')
    .optional(),
  inhibits: z
    .array(z.string())
    .default([])
    .describe('Alerts that are not told while this one fires, unless a label that both carry differs.'),
  severity: alertSeverity.describe('How grave it is; a critical one names a runbook.'),
  notify: z.array(z.string()).min(1).describe('Channels of incidents.channels.'),
  summary: z
    .string()
    .describe('What whoever is told reads first; {{value}} is the figure, {{route}} the label route.')
    .optional(),
  runbook: z.string().describe('A name of runbooks: what to do.').optional(),
  then: action.default({}).describe('What is done without waiting for anybody.'),
  ...citation,
})

export const alerts = z.record(name, alert).default({}).describe('When somebody is told, who, and what to do.')

import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

const action = z.strictObject({
  rollback: z.strictObject({ ifDeployedWithin: duration }).optional(),
  failover: z.strictObject({ after: duration }).optional(),
  cleanUp: z.boolean().optional(),
  scale: z.boolean().optional(),
  retry: z.enum(['backup']).optional(),
  renew: z.enum(['certificate']).optional(),
  investigate: z.string().describe('What the person who is called looks at first.').optional(),
})

/** From the worst down. */
export const alertSeverity = z.enum(['critical', 'high', 'warning', 'medium', 'low'])

const alert = z.strictObject({
  when: z.string().min(1).describe('PromQL; the alert fires while it returns a result.'),
  for: duration.default(0).describe('How long the condition must hold before anybody is told.'),
  severity: alertSeverity,
  notify: z.array(z.string()).min(1).describe('Channels of incidents.channels.'),
  summary: z.string().optional(),
  runbook: z.string().optional(),
  then: action.default({}),
  ...citation,
})

export const alerts = z.record(name, alert).default({})

export type Alert = z.output<typeof alert>

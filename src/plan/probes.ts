import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

const common = {
  every: duration.describe('How often it asks.'),
  timeout: duration.default(10_000).describe('When no answer counts as a failure.'),
  failures: z.int().positive().default(1).describe('Failures in a row before it counts.'),
  notify: z.array(z.string()).default([]).describe('Channels of incidents.channels.'),
  runbook: z.string().describe('A name of runbooks.').optional(),
  ...citation,
}

export const probes = z
  .record(
    name,
    z.union([
      z
        .strictObject({
          http: z.string().describe('An address, or a path when service is named.'),
          service: z.string().describe('The service whose path it is.').optional(),
          status: z.int().default(200).describe('The status that counts as well.'),
          contains: z.string().min(1).describe('Text that the answer has to hold.').optional(),
          ...common,
        })
        .describe('An address, or a path of a service.'),
      z
        .strictObject({ sql: z.string().describe('One query that only reads.'), ...common })
        .describe('A query that answers.'),
      z
        .strictObject({ tls: z.string().describe('host:port.'), ...common })
        .describe('host:port whose certificate is read.'),
      z
        .strictObject({ tcp: z.string().describe('host:port.'), ...common })
        .describe('host:port that takes a connection.'),
      z
        .strictObject({
          heartbeat: duration.describe('How often it tells.'),
          grace: duration.default(0).describe('How much later than that it may come.'),
          ...common,
        })
        .describe('Something that tells by itself that it is alive, such as a nightly job.'),
    ]),
  )
  .default({})
  .describe('What is asked from outside, and how often.')

export type Probe = z.output<typeof probes>[string]

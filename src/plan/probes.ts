import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

const common = {
  every: duration,
  timeout: duration.default(10_000),
  failures: z.int().positive().default(1).describe('Failures in a row before it counts.'),
  notify: z.array(z.string()).default([]),
  runbook: z.string().optional(),
  ...citation,
}

export const probes = z
  .record(
    name,
    z.union([
      z
        .strictObject({ http: z.string(), service: z.string().optional(), status: z.int().default(200), ...common })
        .describe('An address, or a path of a service.'),
      z.strictObject({ sql: z.string(), ...common }).describe('A query that answers.'),
      z.strictObject({ tls: z.string(), ...common }).describe('host:port whose certificate is read.'),
    ]),
  )
  .default({})

export type Probe = z.output<typeof probes>[string]

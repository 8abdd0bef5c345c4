import type { Destinations as AllDestinations } from 'aval/telemetry'
import { z } from 'zod'

export type Destinations = AllDestinations & { sample?: number }

const settings = z.object({
  TELEMETRY_LOG_FILE: z.string().min(1).optional(),
  TELEMETRY_SPANS_FILE: z.string().min(1).optional(),
  TELEMETRY_OTLP: z.url({ protocol: /^https?$/ }).optional(),
  TELEMETRY_OTLP_LOGS: z.url({ protocol: /^https?$/ }).optional(),
  TELEMETRY_ERRORS: z.string().min(1).optional(),
  TELEMETRY_SAMPLE: z.coerce.number().min(0).max(1).optional(),
})

/**
 * Where telemetry goes, beside `/metrics` and standard output: nowhere unless the environment says so.
 * `TELEMETRY_LOG_FILE` and `TELEMETRY_SPANS_FILE` name files, `TELEMETRY_OTLP` the address of a collector for spans and figures and
 * `TELEMETRY_OTLP_LOGS` that of one for lines, `TELEMETRY_ERRORS` where error reports go (`https://key@host/project`), `TELEMETRY_SAMPLE` the
 * share of traces that are kept.
 * @throws TypeError for an environment that says something else; it names the variable and not what it holds
 */
export function readDestinations(environment: NodeJS.ProcessEnv): Destinations {
  const { data, error } = settings.safeParse(environment)
  if (data === undefined) {
    throw new TypeError(`${error.issues.map(({ path }) => path.join('.')).join(', ')}: not as the description has it`)
  }
  return {
    logFile: data.TELEMETRY_LOG_FILE,
    spansFile: data.TELEMETRY_SPANS_FILE,
    otlp: data.TELEMETRY_OTLP === undefined ? undefined : { address: data.TELEMETRY_OTLP },
    otlpLogs: data.TELEMETRY_OTLP_LOGS === undefined ? undefined : { address: data.TELEMETRY_OTLP_LOGS },
    errorsTo: data.TELEMETRY_ERRORS,
    ...(data.TELEMETRY_SAMPLE === undefined ? {} : { sample: data.TELEMETRY_SAMPLE }),
  }
}

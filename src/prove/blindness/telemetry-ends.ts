import type { Plan } from '../../plan/plan.ts'
import { startReceiver } from '../../receivers/receiver.ts'

/** Where the services of an environment send their spans, lines and error reports: everything that came is kept as it came. */
export interface TelemetryEnds {
  /** Environment of every service, by the variables that the plan names. */
  environment: Readonly<Record<string, Record<string, string>>>
  /** Bodies as they arrived; undefined where the plan names no variable and services send nothing. Figures come with spans. */
  spans(): readonly string[] | undefined
  lines(): readonly string[] | undefined
  reports(): readonly string[] | undefined
  /** From now on nothing that is sent is taken, or all of it again. */
  refuseAll(refuses: boolean): void
  close(): Promise<void>
}

export async function openTelemetryEnds(plan: Plan): Promise<TelemetryEnds> {
  const spans: string[] = []
  const lines: string[] = []
  const reports: string[] = []
  const receiver = await startReceiver(({ path, body }) => {
    const kept = path === '/v1/logs' ? lines : path.startsWith('/v1/') ? spans : reports
    kept.push(body)
    return { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }
  })
  const { traces, logs, errors } = plan.telemetry
  const variables = {
    ...(traces?.sentTo === undefined ? {} : { [traces.sentTo]: receiver.origin }),
    ...(logs?.sentTo === undefined ? {} : { [logs.sentTo]: receiver.origin }),
    ...(errors?.sentTo === undefined ? {} : { [errors.sentTo]: `${receiver.origin.replace('://', '://key@')}/1` }),
  }
  return {
    environment: Object.fromEntries(Object.keys(plan.services).map((service) => [service, variables])),
    spans: () => (traces?.sentTo === undefined ? undefined : spans),
    lines: () => (logs?.sentTo === undefined ? undefined : lines),
    reports: () => (errors?.sentTo === undefined ? undefined : reports),
    refuseAll: (refuses) => receiver.failAlways(refuses ? { status: 503 } : undefined),
    close: receiver.stop,
  }
}

import type { Plan } from '../../../plan/plan.ts'
import type { Probe } from '../../../plan/probes.ts'
import { keptReadings } from '../kept-readings.ts'
import { type Reading, reading, type Target } from '../reading.ts'
import { askProbe, type ProbeWorld } from './ask.ts'
import { hostAndPort, type ProbeOutcome } from './outcome.ts'

/** Between two askings the last outcome is told at least so often, since a query forgets after five minutes. */
const retoldMs = 60_000

/**
 * Every probe of the plan as a target. `probe_success` is the last outcome, `aval_probe_down` is 1 once `failures` in a row failed
 * and 0 again with the first that did not; `probe_duration_seconds` is how long the last took.
 * @param onOutcome told after each asking.
 */
export function probeTargets(
  plan: Plan,
  world: ProbeWorld,
  onOutcome?: (name: string, outcome: ProbeOutcome) => void,
): Target[] {
  return Object.entries(plan.probes).map(([name, probe]) => {
    let failed = 0
    const read = keptReadings(probe.every, world.clock, async (signal) => {
      const outcome = await askProbe(name, probe, world, signal)
      signal.throwIfAborted()
      failed = outcome.ok ? 0 : failed + 1
      onOutcome?.(name, outcome)
      return outcomeReadings(name, probe, outcome, failed)
    })
    const everyMs = Math.min(probe.every, retoldMs)
    // The probe has a time of its own; this one only ends what does not keep to it.
    return { job: `probe:${name}`, instance: plan.system, everyMs, timeoutMs: probe.timeout + 5000, own: true, read }
  })
}

/** @param failed failures in a row, this one included. */
function outcomeReadings(name: string, probe: Probe, outcome: ProbeOutcome, failed: number): Reading[] {
  const labels = { probe: name }
  const { certificateDays } = outcome
  return [
    reading('probe_success', outcome.ok ? 1 : 0, labels),
    reading('probe_duration_seconds', outcome.tookMs / 1000, labels),
    reading('aval_probe_failures_in_a_row', failed, labels),
    reading('aval_probe_down', failed >= probe.failures ? 1 : 0, labels),
    ...('tls' in probe && certificateDays !== undefined
      ? [
          reading('ssl_cert_days_remaining', certificateDays, { domain: hostAndPort(probe.tls).host }),
          reading('aval_certificate_days_remaining', certificateDays, labels),
        ]
      : []),
  ]
}

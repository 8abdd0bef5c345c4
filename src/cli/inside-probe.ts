import type { Probe } from '../plan/probes.ts'

/**
 * Whether what a probe asks is of this machine: a service or the database that runs here, or a loopback address. Any other is of production, whose
 * state says nothing of what runs here.
 */
export function isInside(probe: Probe): boolean {
  if ('sql' in probe || 'heartbeat' in probe) return true
  if ('tcp' in probe) return isLoopback(`tcp://${probe.tcp}`)
  if ('tls' in probe) return isLoopback(`tls://${probe.tls}`)
  return probe.service !== undefined || isLoopback(probe.http)
}

function isLoopback(address: string): boolean {
  const host = URL.parse(address)?.hostname ?? ''
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(host)
}

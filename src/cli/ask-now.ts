import type { Probe } from '../plan/probes.ts'
import { formatDuration } from '../plan/units.ts'
import { type RunState, readRunState } from '../run/run-state.ts'
import { readSilence } from '../watch/scrape/heartbeats/silences.ts'
import { askProbe } from '../watch/scrape/probes/ask.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import type { CommandContext } from './command.ts'
import type { WatchedSystem } from './watch-records.ts'

/** What asking a probe once found. */
export interface ProbeAnswer {
  system: string
  probe: string
  /** What it asks, without what the answer must hold. */
  asks: string
  /** `left out`: it asks what does not run here, and was not named. */
  status: 'well' | 'fails' | 'not asked' | 'left out'
  /** How long the answer took, in milliseconds; null where nothing was asked. */
  tookMs: number | null
  /** What is wrong, or why it was not asked, in Aval's own words. */
  reason: string | null
  /** Of a certificate: days until it expires. */
  certificateDays?: number
  /** Failures in a row before anybody is told. */
  countsAfter: number
}

/** What is told of a probe that is not asked because it is of production. */
export function leftOut(system: string, name: string, probe: Probe): ProbeAnswer {
  const reason = `it asks what does not run here: --outside, or aval probe ${system} ${name}`
  const common = { system, probe: name, asks: describe(probe), countsAfter: probe.failures }
  return { ...common, status: 'left out', tookMs: null, reason }
}

/** Asks probes of a plan once, beside each other; the answers come in the order of the names. */
export function askNow(
  watched: WatchedSystem,
  names: readonly string[],
  context: Pick<CommandContext, 'clock' | 'signal'>,
): Promise<ProbeAnswer[]> {
  const { project, system } = watched
  const running = readRunState(project, system.name)
  return Promise.all(
    names.flatMap((name) => {
      const probe = system.plan.probes[name]
      return probe === undefined ? [] : [answerOf(watched, name, probe, running, context)]
    }),
  )
}

async function answerOf(
  watched: WatchedSystem,
  name: string,
  probe: Probe,
  running: RunState | undefined,
  { clock, signal }: Pick<CommandContext, 'clock' | 'signal'>,
): Promise<ProbeAnswer> {
  const common = {
    system: watched.system.name,
    probe: name,
    asks: describe(probe),
    countsAfter: probe.failures,
  }
  const unasked = (reason: string): ProbeAnswer => ({ ...common, status: 'not asked', tookMs: null, reason })
  const silentMs = readSilence(watchDirectory(watched.project, watched.system.name), name, clock.now())
  if ('heartbeat' in probe && silentMs === undefined)
    return unasked(`it tells by itself, and nobody listens now: aval watch ${watched.system.name}`)
  const service = 'http' in probe ? probe.service : undefined
  const address = service === undefined ? undefined : running?.addresses[service]
  if (running === undefined && (service !== undefined || 'sql' in probe)) {
    return unasked(`${watched.system.name} does not run here: aval up ${watched.system.name}`)
  }
  if (service !== undefined && address === undefined) return unasked(`${service} has no address`)
  const outcome = await askProbe(
    name,
    probe,
    {
      serviceUrl: () => address ?? '',
      databaseUrl: () => running?.ownerUrl ?? '',
      silentMs: () => silentMs,
      authorities: undefined,
      clock,
    },
    signal,
  )
  signal.throwIfAborted()
  return {
    ...common,
    status: outcome.ok ? 'well' : 'fails',
    tookMs: outcome.tookMs,
    reason: outcome.reason ?? null,
    ...(outcome.certificateDays === undefined ? {} : { certificateDays: outcome.certificateDays }),
  }
}

function describe(probe: Probe): string {
  if ('http' in probe) return probe.service === undefined ? probe.http : `${probe.service}${probe.http}`
  if ('sql' in probe) return 'a query of the database'
  if ('tcp' in probe) return probe.tcp
  if ('tls' in probe) return `certificate of ${probe.tls}`
  return `a sign of life every ${formatDuration(probe.heartbeat)}`
}

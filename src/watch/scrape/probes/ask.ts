import { connect } from 'node:net'
import type { Clock } from '../../../clock.ts'
import type { Probe } from '../../../plan/probes.ts'
import { readLimited } from '../limited-body.ts'
import { readDatabase } from '../measured/read-database.ts'
import { servedCertificate } from './certificate.ts'
import { dayMs, hostAndPort, type ProbeOutcome } from './outcome.ts'

/** What a probe needs to find what it asks. */
export interface ProbeWorld {
  /** Where a service of the plan listens: `http://127.0.0.1:4001`. */
  serviceUrl(service: string): string
  databaseUrl(): string
  /** How long the heartbeat of a probe was not heard, in milliseconds; undefined where nobody listens for it. */
  silentMs(probe: string): number | undefined
  /** PEM of whom to trust for TLS instead of the system's; undefined for those. */
  authorities: string | undefined
  clock: Clock
}

const longestAnswer = 1_000_000

/** Asks once. Never throws: no answer is an outcome. */
export async function askProbe(
  name: string,
  probe: Probe,
  world: ProbeWorld,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const { clock } = world
  const beganMs = clock.now()
  const timedOut = new AbortController()
  const over = new AbortController()
  const late = new Error('no answer in time')
  const timer = clock.sleep(probe.timeout, AbortSignal.any([signal, over.signal])).then(() => {
    timedOut.abort(late)
    throw late
  })
  try {
    const found = await Promise.race([ask(name, probe, world, AbortSignal.any([signal, timedOut.signal])), timer])
    return { ...found, ok: found.reason === undefined, tookMs: clock.now() - beganMs }
  } catch (error) {
    return { ok: false, reason: error === late ? late.message : reasonOf(error), tookMs: clock.now() - beganMs }
  } finally {
    over.abort()
    timer.catch(() => undefined)
  }
}

type Found = Pick<ProbeOutcome, 'reason' | 'certificateDays'>

async function ask(name: string, probe: Probe, world: ProbeWorld, signal: AbortSignal): Promise<Found> {
  if ('http' in probe) {
    const address = probe.service === undefined ? probe.http : new URL(probe.http, world.serviceUrl(probe.service))
    const answer = await fetch(address, { signal })
    if (answer.status !== probe.status) {
      await answer.body?.cancel()
      return { reason: `status ${answer.status} instead of ${probe.status}` }
    }
    // Read to its end, so that an answer that breaks off counts as none.
    const text = await readLimited(answer, longestAnswer)
    const holds = probe.contains === undefined || text.includes(probe.contains)
    return { reason: holds ? undefined : 'the answer does not hold the text' }
  }
  if ('sql' in probe) {
    await readDatabase(world.databaseUrl(), { timeoutMs: probe.timeout }, (client) => client.query(probe.sql))
    return { reason: undefined }
  }
  if ('tcp' in probe) return { reason: await connects(probe.tcp, signal) }
  if ('heartbeat' in probe) {
    const silentMs = world.silentMs(name)
    if (silentMs === undefined) return { reason: 'nobody listens for it' }
    return { reason: silentMs > probe.heartbeat + probe.grace ? 'no sign of life in time' : undefined }
  }
  const { expiresMs, refusal } = await servedCertificate(probe.tls, signal, world.authorities)
  return { reason: refusal, certificateDays: (expiresMs - world.clock.now()) / dayMs }
}

function connects(address: string, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...hostAndPort(address), signal })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
  })
}

/** A code such as ECONNREFUSED, never a message: that may repeat what was answered. */
function reasonOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code
  }
  return 'no answer'
}

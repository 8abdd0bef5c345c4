import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Probe } from '../../plan/probes.ts'
import { formatDuration } from '../../plan/units.ts'
import { startReceiver } from '../../watch/scrape/heartbeats/receiver.ts'
import { openSilences } from '../../watch/scrape/heartbeats/silences.ts'
import { askProbe } from '../../watch/scrape/probes/ask.ts'
import type { Fault } from '../prover.ts'
import type { HeldClock } from './held-clock.ts'
import type { StandIn } from './stand-in.ts'

/** A probe that waits to be told. */
export type HeartbeatProbe = Extract<Probe, { heartbeat: number }>

const another = 'another'

/**
 * The job whose signs of life a probe waits for, and whoever hears them: the receiver that a watch has, on loopback.
 * @param faults of the self-test: signs of life that count for every job, silence that a restart forgets.
 */
export async function openJob(
  name: string,
  probe: HeartbeatProbe,
  clock: HeldClock,
  faults: ReadonlySet<Fault>,
): Promise<StandIn> {
  const root = await mkdtemp(join(tmpdir(), 'aval-heartbeat-'))
  let opened = await listen()
  let state: 'well' | 'silent' = 'well'

  async function listen(port?: number) {
    const directory = faults.has('heartbeat-forgotten') ? await mkdtemp(join(root, 'again-')) : root
    const silences = openSilences(directory, [name, another], clock)
    const heard = faults.has('heartbeat-of-another') ? () => [name, another].forEach(silences.heard) : silences.heard
    const receiver = await startReceiver({ silentMs: silences.silentMs, heard }, port)
    return { silences, receiver }
  }
  const end = async () => {
    await opened.receiver.stop()
    opened.silences.close()
  }
  const restart = async () => {
    const { port } = new URL(opened.receiver.url)
    await end()
    opened = await listen(Number(port))
  }
  const tell = async (of: string, method: 'GET' | 'POST') =>
    (await fetch(`${opened.receiver.url}/${of}`, { method })).status
  const world = {
    serviceUrl: () => '',
    databaseUrl: () => '',
    silentMs: (of: string) => opened.silences.silentMs(of),
    authorities: undefined,
    clock,
  }
  const isWell = async () => (await askProbe(name, probe, world, new AbortController().signal)).ok
  const allowedMs = probe.heartbeat + probe.grace

  return {
    // Between two askings it is silent for long enough to be late, unless it tells.
    probe: { ...probe, every: (Math.floor(allowedMs / probe.every) + 1) * probe.every },
    world,
    isReal: true,
    troubles: ['silent'],
    be: (what) => {
      state = what === 'well' ? 'well' : 'silent'
    },
    ready: async () => {
      if (state === 'well') await tell(name, 'POST')
    },
    reached: async () => undefined,
    tellsTimes: async () => {
      const allowed = formatDuration(allowedMs)
      if ((await tell(name, 'POST')) !== 200) return 'Its sign of life is not taken'
      clock.to(clock.now() + allowedMs)
      if (!(await isWell())) return `It fails although nothing was heard for ${allowed} only`
      await restart()
      clock.to(clock.now() + 1)
      if (await isWell())
        return `After a restart it says that all is well although nothing was heard for over ${allowed}`
      await tell(another, 'POST')
      if (await isWell()) return 'It says that all is well although another job told that it is alive'
      if ((await tell(`${name}-`, 'POST')) !== 404) return 'A name that no probe has is taken'
      if (await isWell()) return 'It says that all is well although a name was told that no probe has'
      await tell(name, 'GET')
      if (!(await isWell())) return 'It fails although it just told that it is alive'
      return undefined
    },
    close: async () => {
      await end()
      await rm(root, { recursive: true, force: true })
    },
  }
}

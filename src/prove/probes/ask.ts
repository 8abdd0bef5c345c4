import { setImmediate } from 'node:timers/promises'
import type { Plan } from '../../plan/plan.ts'
import type { ProbeOutcome } from '../../watch/scrape/probes/outcome.ts'
import { probeTargets } from '../../watch/scrape/probes/probe-target.ts'
import type { Reading } from '../../watch/scrape/reading.ts'
import type { Fault } from '../prover.ts'
import type { HeldClock } from './held-clock.ts'
import type { StandIn, Trouble } from './stand-in.ts'

/** What one asking found. */
export interface Asked {
  beganMs: number
  endedMs: number
  ok: boolean
  reason: string | undefined
  /** What is stored of it. */
  readings: readonly Reading[]
}

/** Asks a probe at moments of a held clock, its failures counted from one asking to the next as when it is watched. */
export type Asker = (atMs: number, target: 'well' | Trouble) => Promise<Asked>

/** @param faults of the self-test: one has every asking say that all is well. */
export function asker(plan: Plan, name: string, standIn: StandIn, clock: HeldClock, faults: ReadonlySet<Fault>): Asker {
  const outcomes: ProbeOutcome[] = []
  const [target] = probeTargets({ ...plan, probes: { [name]: standIn.probe } }, standIn.world, (_, found) => {
    outcomes.push(found)
  })
  return async (atMs, what) => {
    if (target === undefined) throw new RangeError('a plan with one probe has one target')
    standIn.be(what)
    clock.to(atMs)
    await standIn.ready?.()
    const beganMs = clock.now()
    const asking = target.read(new AbortController().signal)
    if (what === 'slow') {
      await standIn.reached()
      const { timeout } = standIn.probe
      clock.to(beganMs + timeout - 1)
      // One that gives up too early does so now.
      await setImmediate()
      clock.to(beganMs + timeout)
    }
    const readings = await asking
    const found = outcomes.pop()
    if (found === undefined) throw new RangeError('it was not asked: its last asking was too near')
    const endedMs = beganMs + found.tookMs
    if (!faults.has('probe-always-well')) return { beganMs, endedMs, ok: found.ok, reason: found.reason, readings }
    return { beganMs, endedMs, ok: true, reason: undefined, readings: readings.map(asWell) }
  }
}

function asWell({ labels, value }: Reading): Reading {
  const name = labels['__name__']
  if (name === 'probe_success') return { labels, value: 1 }
  return { labels, value: name === 'aval_probe_down' || name === 'aval_probe_failures_in_a_row' ? 0 : value }
}

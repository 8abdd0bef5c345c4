import { messageOf } from '../../errors.ts'
import type { Random } from '../../random.ts'
import type { Fleet, FleetDevice } from '../fleet.ts'
import { createHistory, type Edit, type History } from './history.ts'
import { createNetwork } from './network.ts'
import { createTimeline, type Timeline, type Worker } from './timeline.ts'
import { createTrail, type Trail } from './trail.ts'

export const minute = 60_000
export const hour = 60 * minute

/** The simulated day of all households, in simulated milliseconds since 1970. */
export interface Day {
  startsAt: number
  endsAt: number
  /** The moment that the server is set back to, when it is lost, and when it serves again. */
  restoredTo: number
  lostAt: number
  servesAgainAt: number
}

/** A device in somebody's hands. */
export interface Gadget {
  /** The name of what is installed on it now. */
  name: string
  device: FleetDevice
  worker: Worker
  random: Random
  online: boolean
  /** Its clock less the true time. */
  skewMs: number
  /** The end of all it does now, one after the other. */
  last: Promise<void>
  willSync: boolean
  /** Its person writes on it just now. */
  inUse: boolean
  unacknowledged: Set<Edit>
  /** Entries decided since its last sync began: what was decided has not been sent by that sync. */
  decided: Set<string>
  /** When it last synced to the end. */
  syncedAt: number | undefined
  /** What it showed when it was last looked at. */
  seen: ReadonlyMap<string, string>
}

/** One person with their devices, and what became of what was written on them. */
export interface Home {
  person: string
  fleet: Fleet
  day: Day
  random: Random
  timeline: Timeline
  history: History
  trail: Trail
  gadgets: Gadget[]
  /** What must not have happened, as it is found; `entry` where it is about one. */
  violate(what: string, entry?: string): void
  violations: readonly string[]
  /** Who held, when the server was lost, what it may have lost. */
  holders: Map<Edit, Set<Gadget>>
  /** Everybody is online for good, and the network is sound. */
  over: boolean
  counts: { installed: number; reinstalled: number; requests: number; faults: number; texts: number }
  /** The real network, counted. */
  carry: typeof fetch
}

export function createHome(options: Pick<Home, 'person' | 'fleet' | 'day' | 'random' | 'carry'>): Home {
  const { person, fleet, day, carry } = options
  const timeline = createTimeline(day.startsAt)
  const trail = createTrail(timeline.now)
  const violations: string[] = []
  const counts: Home['counts'] = { installed: 0, reinstalled: 0, requests: 0, faults: 0, texts: 0 }
  return {
    person,
    fleet,
    day,
    random: options.random.fork(person),
    timeline,
    history: createHistory(),
    trail,
    gadgets: [],
    violate: (what, entry) => {
      violations.push(`${person}: ${what}${entry === undefined ? '' : ` (entry ${entry})`}`)
      trail.note('judge', what, entry)
    },
    violations,
    holders: new Map(),
    over: false,
    counts,
    carry: (input, init) => {
      counts.requests++
      return carry(input, init)
    },
  }
}

/** Puts another device into somebody's hands; its random choices are its own. */
export function addGadget(home: Home, random: Random): Gadget {
  const state = {
    worker: home.timeline.worker(),
    random,
    online: random.next() < 0.75,
    skewMs: random.next() < 0.7 ? random.int(2 * minute) - minute : random.int(96 * hour) - 48 * hour,
    last: Promise.resolve(),
    willSync: false,
    inUse: false,
  }
  const gadget: Gadget = { ...state, ...installed(home, state, () => gadget) }
  home.gadgets.push(gadget)
  return gadget
}

/** Puts the app on a device anew: it knows nothing of what was there before. */
export function reinstall(home: Home, gadget: Gadget): void {
  Object.assign(
    gadget,
    installed(home, gadget, () => gadget),
  )
}

type Installed = Pick<Gadget, 'name' | 'device' | 'unacknowledged' | 'decided' | 'syncedAt' | 'seen'>

function installed(home: Home, on: Pick<Gadget, 'worker' | 'random'>, gadget: () => Gadget): Installed {
  const { timeline, fleet, person } = home
  const { random, worker } = on
  const name = `device-${home.counts.installed++}`
  const faultiness = random.next() < 0.3 ? 0.25 : 0.04
  const network = createNetwork({
    timeline,
    worker,
    random: random.fork(`network of ${name}`),
    weather: { online: () => home.over || gadget().online, faultiness: () => (home.over ? 0 : faultiness) },
    carry: home.carry,
    met: () => home.counts.faults++,
  })
  const clock = {
    now: () => timeline.now() + gadget().skewMs,
    sleep: (ms: number) => worker.waits(timeline.now() + ms, async () => undefined),
  }
  const device = fleet.device({ person, name, fetch: network, clock, random: random.fork(`jitter of ${name}`).next })
  return { name, device, unacknowledged: new Set(), decided: new Set(), syncedAt: undefined, seen: new Map() }
}

/** What fails in a way that nobody expects is a violation. */
export function expected(home: Home, gadget: Gadget, work: () => Promise<void>): Promise<void> {
  return gadget.worker.works(work).catch((error: unknown) => {
    home.violate(`${gadget.name} failed: ${messageOf(error)}`)
  })
}

/** After all that the device does already. */
export function inTurn(home: Home, gadget: Gadget, work: () => Promise<void>): Promise<void> {
  gadget.last = gadget.last.then(() => expected(home, gadget, work))
  return gadget.last
}

import { messageOf } from '../../errors.ts'
import type { Random } from '../../random.ts'
import type { Fleet, FleetDevice } from '../fleet.ts'
import { createHistory, type Edit, type History } from './history.ts'
import { judgeHousehold } from './judge.ts'
import { createNetwork, type Network } from './network.ts'
import { createTimeline, spell, type Timeline, type Worker } from './timeline.ts'
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

export interface HouseholdOptions {
  person: string
  devices: number
  fleet: Fleet
  day: Day
  random: Random
  carry: typeof fetch
}

/** A device in somebody's hands. */
export interface Gadget {
  /** The name of what is installed on it now. */
  name: string
  device: FleetDevice
  network: Network
  worker: Worker
  online: boolean
  /** Its clock less the true time. */
  skewMs: number
  /** One thing after the other. */
  last: Promise<void>
  willSync: boolean
  unacknowledged: Set<Edit>
  /** When it last synced to the end. */
  syncedAt: number | undefined
  /** What it showed when it was last looked at. */
  seen: ReadonlyMap<string, string>
}

/** One person, their devices, and what became of what was written on them. */
export interface Household {
  person: string
  gadgets: readonly Gadget[]
  history: History
  trail: Trail
  /** What must not have happened, as it is found. */
  violations: string[]
  run(until: number): Promise<void>
  /** Notes which device holds what was acknowledged after the moment that the server will be set back to. */
  serverLost(): Promise<void>
  /** Brings all devices online and lets them sync until nothing changes. */
  settle(): Promise<void>
  /** Compares the devices with each other, with one that knows nothing yet, and with what people did. */
  judge(): Promise<void>
  /** What a device shows that was installed just now. */
  fresh(): Promise<ReadonlyMap<string, string>>
  /** Edits that were acknowledged and that the server may have lost. */
  inDoubt(): Edit[]
  requests(): number
  faults(): number
  reinstalled(): number
}

/** How busy people are with it at an hour: doses in the morning, at noon and in the evening. */
const busyness = (at: number): number => {
  const hourOfDay = (at / hour) % 24
  const near = (peak: number) => Math.exp(-((hourOfDay - peak) ** 2) / 1.5)
  return Math.min(1, 0.08 + near(8) + near(13) + near(20.5))
}

const settleRounds = 12

export function createHousehold(options: HouseholdOptions): Household {
  const { person, fleet, day, carry } = options
  const random = options.random.fork(person)
  const timeline: Timeline = createTimeline(day.startsAt)
  const history = createHistory()
  const trail = createTrail(timeline.now)
  const violations: string[] = []
  const holders = new Map<Edit, Set<Gadget>>()
  const gadgets: Gadget[] = []
  let installed = 0
  let reinstalled = 0
  let requests = 0
  let texts = 0
  let over = false

  const counted: typeof fetch = (input, init) => {
    requests++
    return carry(input, init)
  }

  /** Puts the app on a device: a new one of the fleet, that knows nothing. */
  const install = (worker: Worker, own: Random, isOnline: () => boolean, skew: () => number) => {
    const name = `device-${installed++}`
    const flaky = own.next() < 0.3 ? 0.25 : 0.04
    const network = createNetwork({
      timeline,
      worker,
      random: own.fork(`network of ${name}`),
      weather: { online: isOnline, faultiness: () => (over ? 0 : flaky) },
      carry: counted,
    })
    const device = fleet.device({
      person,
      name,
      fetch: network.fetch,
      clock: {
        now: () => timeline.now() + skew(),
        sleep: (ms) => worker.waits(timeline.now() + ms, async () => undefined),
      },
      random: own.fork(`jitter of ${name}`).next,
    })
    return { name, device, network }
  }

  /** After all the device does already. What fails in a way that nobody expects is a violation. */
  const inTurn = (gadget: Gadget, work: () => Promise<void>): Promise<void> => {
    gadget.last = gadget.last
      .then(() => gadget.worker.works(work))
      .catch((error: unknown) => {
        violations.push(`${person}: ${gadget.name} failed: ${messageOf(error)}`)
      })
    return gadget.last
  }

  /** What a device shows now; it never goes back behind what it has shown. */
  const look = async (gadget: Gadget): Promise<ReadonlyMap<string, string>> => {
    const before = gadget.seen
    gadget.seen = await gadget.device.entries()
    for (const [entry, text] of before) {
      const now = gadget.seen.get(entry)
      if (now === text) continue
      const shown = history.shown(entry, text)
      if (shown.some((edit) => !edit.excused && !history.reaches(edit, history.shown(entry, now)))) {
        violations.push(
          `${person}: ${gadget.name} showed ${text} and went back to ${now ?? 'nothing'} (entry ${entry})`,
        )
        trail.note(gadget.name, `went back from ${text} to ${now ?? 'nothing'}`, entry)
      }
    }
    return gadget.seen
  }

  const wrote = (gadget: Gadget, entry: string, text: string | undefined, seen: readonly Edit[]) => {
    const edit = history.add({ text, entry, device: gadget.name, madeAt: timeline.now() }, seen)
    gadget.unacknowledged.add(edit)
  }

  const decideAll = async (gadget: Gadget, own: Random): Promise<boolean> => {
    let decided = false
    for (const { id, mine, theirs } of await gadget.device.conflicts()) {
      if (theirs === 'unseen') continue
      const side = (text: string) => history.shown(id, text === 'deleted' ? undefined : text)
      // Own deletions that nobody else can know of are not what another device wrote.
      const others = side(theirs).filter((edit) => theirs !== 'deleted' || !gadget.unacknowledged.has(edit))
      const way = own.pick(['mine', 'theirs', 'both'] as const)
      trail.note(gadget.name, `conflict of mine ${mine} and theirs ${theirs}: ${way}`, id)
      if (way === 'both') {
        const text = `${person}-${texts++}`
        await gadget.device.decide(id, { text })
        wrote(gadget, id, text, [...side(mine), ...others])
        trail.note(gadget.name, `wrote ${text}`, id)
      } else {
        await gadget.device.decide(id, way)
        if (way === 'mine') {
          history.decide(side(mine), others)
          for (const edit of side(mine)) gadget.unacknowledged.add(edit)
        } else history.decide(others, side(mine))
      }
      decided = true
    }
    return decided
  }

  const syncOnce = async (gadget: Gadget): Promise<boolean> => {
    const sent = [...gadget.unacknowledged]
    try {
      for (const alarm of await gadget.device.sync()) {
        violations.push(`${person}: ${gadget.name} does not believe the server: ${alarm}`)
        trail.note(gadget.name, `alarm: ${alarm}`)
      }
    } catch (error) {
      trail.note(gadget.name, `sync failed: ${messageOf(error).slice(0, 120)}`)
      return false
    }
    const open = new Set((await gadget.device.conflicts()).map(({ id }) => id))
    for (const edit of sent) {
      if (open.has(edit.entry)) continue
      edit.acknowledgedAt ??= timeline.now()
      gadget.unacknowledged.delete(edit)
      trail.note(gadget.name, `${edit.text ?? 'deletion'} acknowledged`, edit.entry)
    }
    gadget.syncedAt = timeline.now()
    await look(gadget)
    trail.note(gadget.name, `synced, ${open.size} in conflict`)
    return true
  }

  const sync = (gadget: Gadget, own: Random): void => {
    if (gadget.willSync) return
    gadget.willSync = true
    void inTurn(gadget, async () => {
      gadget.willSync = false
      if (!(await syncOnce(gadget))) {
        if (!over && gadget.online && own.next() < 0.5)
          timeline.at(timeline.now() + own.int(5 * minute), () => sync(gadget, own))
        return
      }
      if (own.next() < 0.7 && (await decideAll(gadget, own))) await syncOnce(gadget)
    })
  }

  const act = async (gadget: Gadget, own: Random): Promise<void> => {
    if (own.next() < 0.5) await decideAll(gadget, own)
    const open = new Set((await gadget.device.conflicts()).map(({ id }) => id))
    for (let change = own.int(3) + 1; change > 0; change--) {
      const shown = await look(gadget)
      const ids = [...shown.keys()].filter((id) => !open.has(id)).toSorted()
      const what = ids.length < 3 || own.next() < 0.45 ? 'create' : own.next() < 0.25 ? 'delete' : 'change'
      const id = what === 'create' ? uuidFrom(own) : own.pick(ids)
      const kind = kindOf(id)
      const before = history.shown(id, shown.get(id))
      if (what === 'delete') {
        await gadget.device.remove(kind, id)
        wrote(gadget, id, undefined, before)
        trail.note(gadget.name, `deleted ${shown.get(id) ?? ''}`, id)
      } else {
        const text = `${person}-${texts++}`
        await gadget.device.write(kind, id, text)
        wrote(gadget, id, text, before)
        trail.note(gadget.name, `${what}d ${text} over ${shown.get(id) ?? 'nothing'}`, id)
      }
      const after = await look(gadget)
      if (after.has(id) === (what === 'delete'))
        violations.push(`${person}: ${gadget.name} does not show what was written on it`)
    }
  }

  const kindOf = (id: string): string => fleet.kinds[Number.parseInt(id.slice(0, 4), 16) % fleet.kinds.length] ?? ''

  const reinstall = (gadget: Gadget, own: Random) =>
    inTurn(gadget, async () => {
      for (const edit of gadget.unacknowledged) edit.excused = true
      for (const { id, mine } of await gadget.device.conflicts())
        for (const edit of history.shown(id, mine === 'deleted' ? undefined : mine)) edit.excused = true
      // What it alone could have brought back.
      if ((gadget.syncedAt ?? 0) < day.servesAgainAt) for (const held of holders.values()) held.delete(gadget)
      const before = gadget.name
      const next = install(
        gadget.worker,
        own,
        () => over || gadget.online,
        () => gadget.skewMs,
      )
      Object.assign(gadget, next, { unacknowledged: new Set(), syncedAt: undefined, seen: new Map() })
      reinstalled++
      trail.note(before, `lost with all it held; ${gadget.name} takes its place`)
    })

  /** Everything that happens to a device of itself. */
  const live = (gadget: Gadget, own: Random): void => {
    const often = (mean: number, work: () => void) => {
      const again = () => {
        const next = timeline.now() + spell(own, mean)
        if (next >= day.endsAt) return
        timeline.at(next, () => {
          work()
          again()
        })
      }
      again()
    }
    const change = () => {
      const next = timeline.now() + spell(own, gadget.online ? 2.5 * hour : own.pick([20 * minute, hour, 5 * hour]))
      if (next >= day.endsAt) return
      timeline.at(next, () => {
        gadget.online = !gadget.online
        trail.note(gadget.name, gadget.online ? 'online' : 'offline')
        if (gadget.online) sync(gadget, own)
        change()
      })
    }
    change()
    often(40 * minute, () => sync(gadget, own))
    const span = day.endsAt - day.startsAt
    if (own.next() < 0.08)
      timeline.at(day.startsAt + own.next() * span, () => {
        void reinstall(gadget, own)
      })
    if (own.next() < 0.1)
      timeline.at(day.startsAt + own.next() * span, () => {
        gadget.skewMs = own.next() < 0.5 ? 0 : gadget.skewMs - own.int(48 * 60) * minute
        trail.note(gadget.name, `clock now off by ${Math.round(gadget.skewMs / minute)} min`)
      })
  }

  const household = () => {
    for (let index = 0; index < options.devices; index++) {
      const own = random.fork(`device ${index}`)
      const worker = timeline.worker()
      const gadget: Gadget = {
        ...install(
          worker,
          own,
          () => over || gadget.online,
          () => gadget.skewMs,
        ),
        worker,
        online: own.next() < 0.75,
        skewMs: own.next() < 0.7 ? own.int(120_000) - minute : (own.int(96 * 60) - 48 * 60) * minute,
        last: Promise.resolve(),
        willSync: false,
        unacknowledged: new Set(),
        syncedAt: undefined,
        seen: new Map(),
      }
      gadgets.push(gadget)
      live(gadget, own)
    }
    const own = random.fork('person')
    const next = () => {
      const at = timeline.now() + spell(own, 4 * minute)
      if (at >= day.endsAt) return
      timeline.at(at, () => {
        next()
        if (own.next() >= busyness(timeline.now())) return
        const gadget = own.next() < 0.45 ? gadgets[0] : own.pick(gadgets)
        if (gadget === undefined) return
        void inTurn(gadget, async () => {
          await act(gadget, own)
          if (own.next() < 0.8) timeline.at(timeline.now() + own.int(20_000), () => sync(gadget, own))
        })
      })
    }
    next()
    if (own.next() < 0.2) {
      const at = day.startsAt + own.next() * 0.8 * (day.endsAt - day.startsAt)
      const gadget = own.pick(gadgets)
      timeline.at(at, () => {
        fleet.newKey(person)
        trail.note('person', 'has a new key')
        replaceKeys(gadget, own, 6)
      })
    }
  }
  const replaceKeys = (gadget: Gadget, own: Random, attempts: number): void => {
    if (attempts === 0 || timeline.now() >= day.endsAt) return
    // Every device that is online has heard of the new key by then.
    timeline.at(timeline.now() + 30 * minute + own.int(20 * minute), () => {
      void inTurn(gadget, async () => {
        try {
          for (const kind of fleet.kinds) await gadget.device.replaceKey(kind)
          trail.note(gadget.name, 'replaced the keys')
        } catch (error) {
          trail.note(gadget.name, `keys not replaced: ${messageOf(error).slice(0, 80)}`)
          replaceKeys(gadget, own, attempts - 1)
        }
      })
    })
  }

  household()
  const inDoubt = () =>
    history
      .edits()
      .filter(({ acknowledgedAt: at }) => at !== undefined && at >= day.restoredTo && at < day.servesAgainAt)
  const freshDevice = async () => {
    // Beside simulated time: it may be asked in the middle of the day.
    const device = fleet.device({
      person,
      name: `fresh-${installed++}`,
      fetch: counted,
      clock: { now: timeline.now, sleep: async () => undefined },
      random: () => 0.5,
    })
    return { alarms: await device.sync(), entries: await device.entries() }
  }
  return {
    person,
    gadgets,
    history,
    trail,
    violations,
    run: (until) => timeline.run(until),
    serverLost: async () => {
      trail.note('server', 'lost')
      for (const edit of history.edits()) {
        if (edit.acknowledgedAt !== undefined && edit.acknowledgedAt < day.restoredTo) continue
        const held = new Set<Gadget>()
        for (const gadget of gadgets) {
          const text = (await gadget.device.entries()).get(edit.entry)
          const knew = text !== undefined || gadget.seen.has(edit.entry) || edit.device === gadget.name
          if (knew && history.reaches(edit, history.shown(edit.entry, text))) held.add(gadget)
        }
        holders.set(edit, held)
      }
    },
    settle: async () => {
      await timeline.finish()
      over = true
      trail.note('everybody', 'goes online')
      const own = random.fork('settling')
      for (const edit of inDoubt()) if (holders.get(edit)?.size === 0) edit.excused = true
      for (let round = 0; round < settleRounds; round++) {
        let moved = false
        for (const gadget of gadgets) {
          const before = gadget.seen
          void inTurn(gadget, async () => {
            const synced = await syncOnce(gadget)
            const decided = synced && (await decideAll(gadget, own))
            if (!synced || decided || gadget.unacknowledged.size > 0 || !sameEntries(before, gadget.seen)) moved = true
          })
          await timeline.finish()
        }
        if (!moved) return
      }
      violations.push(`the devices had not settled after ${settleRounds} rounds`)
    },
    judge: async () => {
      const { alarms, entries } = await freshDevice()
      for (const alarm of alarms) violations.push(`${person}: a new device does not believe the server: ${alarm}`)
      for (const told of judgeHousehold({ person, history, gadgets, fresh: entries })) {
        violations.push(told.what)
        trail.note('judge', told.what, told.entry)
      }
    },
    fresh: async () => (await freshDevice()).entries,
    inDoubt,
    requests: () => requests,
    faults: () => gadgets.reduce((sum, { network }) => sum + [...network.met.values()].reduce((a, b) => a + b, 0), 0),
    reinstalled: () => reinstalled,
  }
}

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([id, text]) => b.get(id) === text)
}

/** An id of 36 characters, as a UUID of version 4 has; the same seed gives the same ids. */
function uuidFrom(random: Random): string {
  const hex = Buffer.from(random.bytes(16)).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

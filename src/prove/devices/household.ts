import { goThroughDay, liveWith } from './fate.ts'
import type { Edit } from './history.ts'
import { addGadget, createHome, type Gadget, type Home, inTurn } from './home.ts'
import { judgeHousehold } from './judge.ts'
import { decideAll, syncOnce } from './use.ts'

/** A person with devices, on their way through the simulated day. */
export interface Household extends Pick<Home, 'person' | 'history' | 'trail' | 'violations' | 'counts'> {
  /** Lets the day go on until a moment. */
  run(until: number): Promise<void>
  /** Notes which device holds what was acknowledged after the moment that the server will be set back to. */
  serverLost(): Promise<void>
  /** Edits that were acknowledged and that the restore may have taken back. */
  inDoubt(): Edit[]
  /** What a new device shows just now. */
  newDevice(): Promise<{ alarms: string[]; entries: ReadonlyMap<string, string> }>
  /** Brings all devices online and lets them sync until nothing changes. */
  settle(): Promise<void>
  /** Compares the devices with each other, with one that knows nothing yet, and with what was done. */
  judge(): Promise<void>
}

const settleRounds = 12

export function createHousehold(
  options: Pick<Home, 'person' | 'fleet' | 'day' | 'random' | 'carry'> & { devices: number },
): Household {
  const home = createHome(options)
  const { person, fleet, day, timeline, history, trail, gadgets, holders, violations, counts } = home
  for (let index = 0; index < options.devices; index++)
    liveWith(home, addGadget(home, home.random.fork(`device ${index}`)))
  goThroughDay(home)

  const inDoubt = () =>
    history
      .edits()
      .filter(({ acknowledgedAt: at }) => at !== undefined && at >= day.restoredTo && at < day.servesAgainAt)
  const newDevice = async () => {
    // Beside simulated time: it may be asked in the middle of the day.
    const device = fleet.device({
      person,
      name: `new-${counts.installed++}`,
      fetch: home.carry,
      clock: { now: timeline.now, sleep: async () => undefined },
      random: () => 0.5,
    })
    return { alarms: await device.sync(), entries: await device.entries() }
  }
  return {
    person,
    history,
    trail,
    violations,
    counts,
    run: (until) => timeline.run(until),
    inDoubt,
    newDevice,
    serverLost: async () => {
      trail.note('server', 'lost')
      const shown = new Map<Gadget, ReadonlyMap<string, string>>()
      for (const gadget of gadgets) shown.set(gadget, await gadget.device.entries())
      for (const edit of history.edits()) {
        if (edit.acknowledgedAt !== undefined && edit.acknowledgedAt < day.restoredTo) continue
        const holds = ([gadget, entries]: [Gadget, ReadonlyMap<string, string>]) => {
          const text = entries.get(edit.entry)
          // Where nothing is shown it was deleted, or never there.
          const knew = text !== undefined || gadget.seen.has(edit.entry) || edit.device === gadget.name
          return knew && history.reaches(edit, history.shown(edit.entry, text))
        }
        holders.set(edit, new Set([...shown].filter(holds).map(([gadget]) => gadget)))
      }
    },
    settle: async () => {
      await timeline.finish()
      home.over = true
      trail.note('everybody', 'goes online')
      const random = home.random.fork('settling')
      for (const edit of inDoubt()) if (holders.get(edit)?.size === 0) edit.excused = true
      for (let round = 0; round < settleRounds; round++) {
        let moved = false
        for (const gadget of gadgets) {
          const before = gadget.seen
          void inTurn(home, gadget, async () => {
            // What is sent now the others have to fetch.
            const sends = gadget.unacknowledged.size
            const synced = await syncOnce(home, gadget)
            const decided = synced && (await decideAll(home, gadget, random))
            const open = sends + gadget.unacknowledged.size + (await gadget.device.conflicts()).length
            if (!synced || decided || open > 0 || !same(before, gadget.seen)) moved = true
          })
          await timeline.finish()
        }
        if (!moved) return
      }
      home.violate(`the devices had not settled after ${settleRounds} rounds`)
    },
    judge: async () => {
      const { alarms, entries } = await newDevice()
      for (const alarm of alarms) home.violate(`a new device does not believe the server: ${alarm}`)
      for (const { what, entry } of judgeHousehold({ history, gadgets, fresh: entries })) home.violate(what, entry)
    },
  }
}

function same(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([id, text]) => b.get(id) === text)
}

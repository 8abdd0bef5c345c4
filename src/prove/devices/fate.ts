import { messageOf } from '../../errors.ts'
import type { Random } from '../../random.ts'
import { expected, type Gadget, type Home, hour, inTurn, minute, reinstall } from './home.ts'
import { spell } from './timeline.ts'
import { decideAll, sync, write } from './use.ts'

/** What a day brings: when people write, when devices are online, and what else befalls them. All of it is decided by the seed. */

/** How busy people are at an hour: doses in the morning, at noon and in the evening. */
function busyness(at: number): number {
  const hourOfDay = (at / hour) % 24
  const near = (peak: number) => Math.exp(-((hourOfDay - peak) ** 2) / 1.5)
  return Math.min(1, 0.08 + near(8) + near(13) + near(20.5))
}

/** Again and again, with a mean time in between, until the day is over. */
function often(home: Home, random: Random, mean: () => number, work: () => void): void {
  const { timeline, day } = home
  const next = timeline.now() + spell(random, mean())
  if (next >= day.endsAt) return
  timeline.at(next, () => {
    work()
    often(home, random, mean, work)
  })
}

/** With a chance, once at some moment of the day. */
function perhapsOnce(home: Home, random: Random, chance: number, work: () => void): void {
  const { day, timeline } = home
  if (random.next() >= chance) return
  timeline.at(day.startsAt + random.next() * (day.endsAt - day.startsAt), work)
}

/** What befalls a device: it loses its network and finds it again, syncs by itself, is lost, has its clock set. */
export function liveWith(home: Home, gadget: Gadget): void {
  const { trail } = home
  const { random } = gadget
  const spellOfNetwork = () => (gadget.online ? 2.5 * hour : random.pick([20 * minute, hour, 5 * hour]))
  often(home, random, spellOfNetwork, () => {
    gadget.online = !gadget.online
    trail.note(gadget.name, gadget.online ? 'online' : 'offline')
    if (gadget.online) sync(home, gadget)
  })
  often(
    home,
    random,
    () => 40 * minute,
    () => sync(home, gadget),
  )
  perhapsOnce(home, random, 0.08, () => {
    void inTurn(home, gadget, () => lose(home, gadget))
  })
  perhapsOnce(home, random, 0.1, () => {
    gadget.skewMs = random.next() < 0.5 ? 0 : gadget.skewMs - random.int(48 * hour)
    trail.note(gadget.name, `clock now off by ${Math.round(gadget.skewMs / minute)} min`)
  })
}

/** A device is lost with all it held, and another one takes its place. */
async function lose(home: Home, gadget: Gadget): Promise<void> {
  const { history, holders, day, trail, counts } = home
  for (const edit of gadget.unacknowledged) edit.excused = true
  for (const { id, mine } of await gadget.device.conflicts())
    for (const edit of history.shown(id, mine === 'deleted' ? undefined : mine)) edit.excused = true
  // What it alone could have brought back.
  if ((gadget.syncedAt ?? 0) < day.servesAgainAt) for (const held of holders.values()) held.delete(gadget)
  const before = gadget.name
  reinstall(home, gadget)
  counts.reinstalled++
  trail.note(before, `lost with all it held; ${gadget.name} takes its place`)
}

/** A person goes through the day, and now and then replaces a key. */
export function goThroughDay(home: Home): void {
  const { timeline, gadgets, fleet, person, trail } = home
  const random = home.random.fork('person')
  often(
    home,
    random,
    () => 4 * minute,
    () => {
      if (random.next() >= busyness(timeline.now())) return
      // Most of all with the phone.
      const gadget = random.next() < 0.45 ? gadgets[0] : random.pick(gadgets)
      if (gadget !== undefined && !gadget.inUse) takeUp(home, gadget, random)
    },
  )
  perhapsOnce(home, random, 0.2, () => {
    fleet.newKey(person)
    trail.note('person', 'has a new key')
    replaceKeys(home, random.pick(gadgets), random, 6)
  })
}

/** The app syncs when it is opened, and nobody waits for that before they write. */
function takeUp(home: Home, gadget: Gadget, random: Random): void {
  const { timeline } = home
  gadget.inUse = true
  if (random.next() < 0.5) sync(home, gadget)
  if (random.next() < 0.5)
    void expected(home, gadget, async () => {
      await decideAll(home, gadget, random)
    })
  timeline.at(timeline.now() + random.int(2_000), () => {
    void expected(home, gadget, async () => {
      await write(home, gadget, random).finally(() => {
        gadget.inUse = false
      })
      if (random.next() < 0.8) timeline.at(timeline.now() + random.int(20_000), () => sync(home, gadget))
    })
  })
}

function replaceKeys(home: Home, gadget: Gadget, random: Random, attempts: number): void {
  const { day, fleet, timeline, trail } = home
  if (attempts === 0 || timeline.now() >= day.endsAt) return
  // Every device that is online has heard of the new key by then.
  timeline.at(timeline.now() + 30 * minute + random.int(20 * minute), () => {
    void inTurn(home, gadget, async () => {
      try {
        for (const kind of fleet.kinds) await gadget.device.replaceKey(kind)
        trail.note(gadget.name, 'replaced the keys')
      } catch (error) {
        trail.note(gadget.name, `keys not replaced: ${messageOf(error).slice(0, 80)}`)
        replaceKeys(home, gadget, random, attempts - 1)
      }
    })
  })
}

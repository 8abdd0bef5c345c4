import { messageOf } from '../../errors.ts'
import type { Random } from '../../random.ts'
import type { Edit } from './history.ts'
import { type Gadget, type Home, inTurn, minute } from './home.ts'

/** What people do with their devices: they write, let them sync, and decide conflicts. */

/** What a device shows now; it never goes back behind what it has shown. */
export async function look(home: Home, gadget: Gadget): Promise<ReadonlyMap<string, string>> {
  const { history } = home
  const before = gadget.seen
  gadget.seen = await gadget.device.entries()
  for (const [entry, text] of before) {
    const now = gadget.seen.get(entry)
    if (now === text) continue
    const gaveWay = (edit: Edit) => edit.excused || history.reaches(edit, history.shown(entry, now))
    if (!history.shown(entry, text).every(gaveWay))
      home.violate(`${gadget.name} showed ${text} and went back to ${now ?? 'nothing'}`, entry)
  }
  return gadget.seen
}

/** Somebody takes a device and writes, also while it syncs. */
export async function write(home: Home, gadget: Gadget, random: Random): Promise<void> {
  const { history, trail, timeline, counts } = home
  const { device, name } = gadget
  for (let change = random.int(3) + 1; change > 0 && gadget.device === device; change--) {
    const open = new Set((await device.conflicts()).map(({ id }) => id))
    const shown = await look(home, gadget)
    const ids = [...shown.keys()].filter((id) => !open.has(id)).toSorted()
    const what = ids.length < 3 || random.next() < 0.45 ? 'created' : random.next() < 0.35 ? 'deleted' : 'changed'
    // Some entries are changed again and again, such as the medicines of today.
    const id = what === 'created' ? uuidFrom(random) : random.pick(random.next() < 0.5 ? ids.slice(0, 4) : ids)
    const text = what === 'deleted' ? undefined : `${home.person}-${counts.texts++}`
    const before = history.shown(id, shown.get(id))
    try {
      if (text === undefined) await device.remove(kindOf(home, id), id)
      else await device.write(kindOf(home, id), id, text)
    } catch (error) {
      // What another device wrote came in meanwhile, and the person is told to look at that first.
      if (!(await device.conflicts()).some((conflict) => conflict.id === id)) throw error
      trail.note(name, `was not let write ${text ?? 'a deletion'}: ${messageOf(error)}`, id)
      continue
    }
    const edit = history.add({ text, entry: id, device: name, madeAt: timeline.now() }, before)
    trail.note(name, `${what} ${text ?? 'it'} over ${shown.get(id) ?? 'nothing'}`, id)
    // The device was lost with it in the meantime.
    if (gadget.device !== device) edit.excused = true
    else {
      gadget.unacknowledged.add(edit)
      if ((await look(home, gadget)).get(id) !== text) home.violate(`${name} does not show what was written on it`, id)
    }
  }
}

/** One sync. Returns whether it came to its end: then everything that had been written before is acknowledged or in conflict. */
export async function syncOnce(home: Home, gadget: Gadget): Promise<boolean> {
  const { timeline, trail } = home
  const sent = [...gadget.unacknowledged]
  gadget.decided.clear()
  try {
    for (const alarm of await gadget.device.sync()) home.violate(`${gadget.name} does not believe the server: ${alarm}`)
  } catch (error) {
    trail.note(gadget.name, `sync failed: ${messageOf(error).slice(0, 120)}`)
    return false
  }
  const open = new Set((await gadget.device.conflicts()).map(({ id }) => id))
  for (const edit of sent) {
    if (open.has(edit.entry) || gadget.decided.has(edit.entry)) continue
    edit.acknowledgedAt ??= timeline.now()
    gadget.unacknowledged.delete(edit)
    trail.note(gadget.name, `${edit.text ?? 'deletion'} acknowledged`, edit.entry)
  }
  gadget.syncedAt = timeline.now()
  await look(home, gadget)
  trail.note(gadget.name, `synced, ${open.size} in conflict`)
  return true
}

/** A sync as an app does it: behind what the device does already, once more after a while when it failed. */
export function sync(home: Home, gadget: Gadget): void {
  const { random } = gadget
  if (gadget.willSync) return
  gadget.willSync = true
  void inTurn(home, gadget, async () => {
    gadget.willSync = false
    if (await syncOnce(home, gadget)) {
      if (random.next() < 0.7 && (await decideAll(home, gadget, random))) await syncOnce(home, gadget)
    } else if (!home.over && gadget.online && random.next() < 0.5) {
      home.timeline.at(home.timeline.now() + random.int(5 * minute), () => sync(home, gadget))
    }
  })
}

/** Decides every conflict that a device can show whole. Returns whether there was one. */
export async function decideAll(home: Home, gadget: Gadget, random: Random): Promise<boolean> {
  const { history, trail, timeline, counts } = home
  const { device } = gadget
  let decided = false
  for (const { id } of await device.conflicts()) {
    // Looked at anew before each decision: a sync may have brought something else since.
    const conflict = (await device.conflicts()).find((each) => each.id === id)
    if (conflict === undefined || conflict.theirs === 'unseen') continue
    const { mine, theirs } = conflict
    const shown = (text: string) => history.shown(id, text === 'deleted' ? undefined : text)
    // Own deletions that nobody else can know of are not what another device wrote.
    const others = shown(theirs).filter((edit) => theirs !== 'deleted' || !gadget.unacknowledged.has(edit))
    const way = random.pick(['mine', 'theirs', 'both'] as const)
    const text = way === 'both' ? `${home.person}-${counts.texts++}` : undefined
    trail.note(gadget.name, `conflict of mine ${mine} and theirs ${theirs}: ${text ?? way}`, id)
    gadget.decided.add(id)
    try {
      await device.decide(id, text === undefined ? (way === 'theirs' ? 'theirs' : 'mine') : { text })
    } catch (error) {
      // A sync that was under way has changed the conflict, or ended it.
      trail.note(gadget.name, `was not let decide: ${messageOf(error)}`, id)
      continue
    }
    if (gadget.device !== device) return decided
    if (text !== undefined) {
      const seen = [...shown(mine), ...others]
      gadget.unacknowledged.add(history.add({ text, entry: id, device: gadget.name, madeAt: timeline.now() }, seen))
    } else if (way === 'theirs') history.decide(others, shown(mine))
    else {
      history.decide(shown(mine), others)
      for (const edit of shown(mine)) gadget.unacknowledged.add(edit)
    }
    decided = true
  }
  return decided
}

function kindOf({ fleet }: Home, id: string): string {
  return fleet.kinds[Number.parseInt(id.slice(0, 4), 16) % fleet.kinds.length] ?? ''
}

/** An id of 36 characters, as a UUID of version 4 has; the same seed gives the same ids. */
function uuidFrom(random: Random): string {
  const hex = Buffer.from(random.bytes(16)).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

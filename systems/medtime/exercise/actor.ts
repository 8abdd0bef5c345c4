import type { Ack, Actor, Random } from 'aval'
import type { SealedEntity } from '../client/sealed-entity.ts'
import type { SyncClient } from '../client/sync-client.ts'
import { randomId, syntheticContent } from './content.ts'
import type { Device } from './device.ts'
import type { AckToken } from './read-back.ts'

/** Entities of one user before changes take the place of new ones; a person has hundreds, not thousands. */
const enough = 150
const largestPush = 10
/** How often a conflict is met anew before the operation counts as failed. */
const conflictRounds = 5
const settleRounds = 10

/** A real client at work: one device of a user, of which another device may be at work as well. */
export interface WorkingDevice extends Actor {
  user: string
  device: Device
  /** What the device knows of, deleted or not. */
  known: Map<string, string>
  /** The last operation failed: what it wrote still waits, and goes first. */
  owes: boolean
  operations: number
}

/**
 * One realistic operation: mostly a push of some new, changed and deleted entities, sometimes a pull. A conflict with the other
 * device is decided as an app would for its user, and pushed again.
 *
 * @returns what the service acknowledged, made from its answers alone.
 * @throws the client's error when it was not acknowledged; what was written stays on the device and goes with the next one.
 */
export async function step(actor: WorkingDevice, random: Random, now: () => number): Promise<Ack> {
  const writes = actor.owes || random.next() < 0.75
  if (writes && !actor.owes) await write(actor, random)
  const sentAt = now()
  const operation = actor.owes ? 'sync' : writes ? 'push' : 'pull'
  // Until it is known that it did not fail.
  actor.owes = true
  const pushed = operation === 'pull' ? await pull(actor) : await bring(actor, operation)
  actor.owes = false
  actor.operations++
  const entities = pushed.map(({ id, version, checksum, deleted }) => ({ id, version, checksum, deleted }))
  return {
    id: `${actor.id}-${actor.operations}`,
    actor: actor.id,
    operation,
    kind: entities.length > 0 ? 'write' : 'read',
    sentAt,
    acknowledgedAt: now(),
    token: { user: actor.user, entities } satisfies AckToken,
  }
}

/**
 * Lets devices sync, users side by side and the devices of one user in turn, so that none decides a conflict anew that the
 * other is deciding, until a round brings nothing new to any of them: whatever one of them holds that the
 * service has lost is there again, and the other devices have it.
 */
export async function settle(actors: readonly WorkingDevice[]): Promise<void> {
  for (let round = 0; round < settleRounds; round++) {
    const moved = await Promise.all(
      [...Map.groupBy(actors, (actor) => actor.user).values()].map(async (devices) => {
        let changes = 0
        for (const device of devices) changes += await syncOnce(device)
        return changes
      }),
    )
    if (moved.every((changes) => changes === 0)) return
  }
  throw new Error(`the clients had not settled after ${settleRounds} rounds`)
}

/** Pulls and pushes what there is. Returns how many changes that brought, in either direction. */
async function syncOnce(actor: WorkingDevice): Promise<number> {
  const before = actor.known.size
  const pulled = await actor.device.attempt((client) => client.pull())
  await learn(actor, pulled.pulled)
  const pushed = await bring(actor, 'sync')
  actor.owes = false
  return pulled.pulled.length + pulled.pushAgain.length + pushed.length + actor.known.size - before
}

async function write(actor: WorkingDevice, random: Random): Promise<void> {
  const { client } = actor.device
  const touched = new Set<string>()
  const count = random.int(largestPush) + 1
  for (let index = 0; index < count; index++) {
    const ids = [...actor.known.keys()]
    const fresh = ids.length === 0 || (ids.length < enough && random.next() < 0.6)
    const { type: newType, data } = syntheticContent(random)
    const id = fresh ? randomId(random) : random.pick(ids)
    if (touched.has(id)) continue
    touched.add(id)
    const type = actor.known.get(id) ?? newType
    actor.known.set(id, type)
    // Nobody deletes what is deleted, and a client rightly takes two deletions for the same.
    const removes = random.next() < 0.15 && (await client.get(id))?.deleted === false
    if (removes) await client.remove(type, id)
    else await client.put(type, id, Buffer.from(JSON.stringify(data)))
  }
}

async function pull(actor: WorkingDevice): Promise<SealedEntity[]> {
  const { pulled } = await actor.device.attempt((client) => client.pull())
  await learn(actor, pulled)
  return []
}

/** Pushes what waits, decides conflicts for ours, and goes on until nothing is left to decide. */
async function bring(actor: WorkingDevice, how: 'push' | 'sync'): Promise<SealedEntity[]> {
  const { attempt, client } = actor.device
  const pushed: SealedEntity[] = []
  let next = how
  for (let round = 0; round < conflictRounds; round++) {
    const report = next === 'push' ? await attempt((each) => each.push()) : await attempt((each) => each.sync())
    pushed.push(...report.pushed)
    if ('pulled' in report) await learn(actor, report.pulled)
    const setAside = report.setAside[0]
    if (setAside !== undefined) throw new Error(`the service refuses an entity: ${setAside.reason}`)
    const conflicts = await client.conflicts()
    const restored = 'restored' in report && report.restored
    if (conflicts.length === 0 && !restored) return pushed
    next = 'sync'
    if (restored) continue
    // The other device's version is needed before ours can follow it.
    await learn(actor, (await attempt((each) => each.pull())).pulled)
    for (const { id } of await client.conflicts()) await decideForOurs(client, id)
  }
  throw new Error('conflicts did not come to an end')
}

/** The other device may have written again meanwhile; then its newest version is pulled with the next round. */
async function decideForOurs(client: SyncClient, id: string): Promise<void> {
  const conflict = (await client.conflicts()).find((each) => each.id === id)
  if (conflict === undefined) return
  await client.resolve(id, 'mine').catch((error: unknown) => {
    if (conflict.theirs !== undefined) throw error
  })
}

async function learn(actor: WorkingDevice, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const type = (await actor.device.client.get(id))?.type
    if (type !== undefined) actor.known.set(id, type)
  }
}

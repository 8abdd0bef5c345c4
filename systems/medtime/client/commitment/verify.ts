import type { EntityRecord, LocalStore } from '../local-store.ts'
import { open, type SealedEntity, type Sealer } from '../sealed-entity.ts'
import { type Claim, compare } from './claim.ts'
import { countOf, decodeLeaf, decodeMark, leafClaims, type Mark, markId } from './mark.ts'
import type { Demand, MarkState } from './mark-state.ts'
import { type SetCommitment, textOf } from './set-commitment.ts'

/** What the server's account does not bear out. */
export interface Doubt {
  kind: 'changes-withheld' | 'devices-split' | 'state-behind-mark' | 'restore-incomplete'
  /** The device whose word it is against. */
  device: string
  /** The entities in question; empty when it is the mark of the device itself. */
  entities: string[]
}

/**
 * Compares what the server shows with what every device vouches for. Within an epoch every claim of every mark must be contained in what
 * is here. A claim from before a restore may honestly be unfulfilled, until the device that made it has brought its work back.
 *
 * The answer is exact when the last page of the pull before it was empty. Else an entity may have moved on while its page was read.
 */
export async function verifyMarks(store: LocalStore, sealer: Sealer): Promise<{ marks: MarkState; doubts: Doubt[] }> {
  const { epoch, marks } = await store.state()
  if (epoch === undefined || !marks.due) return { marks, doubts: [] }
  const heads = await readHeads(store, sealer, marks.devices)
  const counts = new Map(heads.map((mark) => [mark.device, countOf(mark)]))
  const mine = viewText(marks.view)
  const verified = { ...marks.verified }
  const doubts: Doubt[] = []
  for (const mark of heads) {
    if (mark.epoch > epoch) {
      doubts.push({ kind: 'devices-split', device: mark.device, entities: [] })
      continue
    }
    if (mark.epoch === epoch) doubts.push(...unseen(mark, counts))
    const past = verified[mark.device]
    const from = past?.epoch === epoch ? past.count : 0
    if (from >= countOf(mark)) continue
    const found = viewTextOf(mark) === mine ? [] : await compareClaims(store, sealer, mark, from, heads)
    if (found.length === 0) verified[mark.device] = { epoch, count: countOf(mark) }
    else if (mark.epoch === epoch) doubts.push(...found)
    else
      doubts.push({ kind: 'restore-incomplete', device: mark.device, entities: found.flatMap((each) => each.entities) })
  }
  const unmet = marks.demand === undefined ? [] : demandOf(marks.demand, epoch, counts)
  doubts.push(...unmet)
  const demand = unmet.length === 0 ? undefined : marks.demand
  return { marks: { ...marks, verified, demand, due: doubts.length > 0 }, doubts }
}

/** The marks of these devices as the server showed them last. */
export async function readHeads(store: LocalStore, sealer: Sealer, devices: readonly string[]): Promise<Mark[]> {
  const heads: Mark[] = []
  for (const device of devices) {
    const mark = markOf(sealer, (await store.get(markId(sealer.user, device)))?.confirmed?.sealed)
    if (mark?.device === device) heads.push(mark)
  }
  return heads
}

export function markOf(sealer: Sealer, sealed: SealedEntity | undefined): Mark | undefined {
  const content = sealed === undefined ? undefined : open(sealer, sealed)
  return content === undefined ? undefined : decodeMark(content.value)
}

/** The claims of a leaf; undefined when it is not here. */
export function leafOf(sealer: Sealer, record: EntityRecord | undefined, device: string, index: number) {
  const sealed = record?.confirmed?.sealed
  const content = sealed === undefined ? undefined : open(sealer, sealed)
  return content === undefined ? undefined : decodeLeaf(content.value, device, index)
}

/** Other devices' marks that this one has seen and the server does not show. */
function unseen(mark: Mark, counts: ReadonlyMap<string, number>): Doubt[] {
  return Object.entries(mark.seen)
    .filter(([device, count]) => (counts.get(device) ?? 0) < count)
    .map(([device]) => ({ kind: 'changes-withheld', device, entities: [] }))
}

interface Claims {
  /** By entity, what was said last of it. */
  latest: Map<string, Claim>
  missingLeaves: string[]
}

async function readClaims(store: LocalStore, sealer: Sealer, mark: Mark, from: number): Promise<Claims> {
  const claims: Claims = { latest: new Map(), missingLeaves: [] }
  for (let index = Math.floor(from / leafClaims); index < mark.leaves; index++) {
    const id = markId(sealer.user, mark.device, index)
    const leaf = leafOf(sealer, await store.get(id), mark.device, index)
    if (leaf === undefined) claims.missingLeaves.push(id)
    for (const claim of leaf ?? []) claims.latest.set(claim.id, claim)
  }
  for (const claim of mark.claims) claims.latest.set(claim.id, claim)
  return claims
}

async function compareClaims(
  store: LocalStore,
  sealer: Sealer,
  mark: Mark,
  from: number,
  heads: readonly Mark[],
): Promise<Doubt[]> {
  const { device } = mark
  const { latest, missingLeaves } = await readClaims(store, sealer, mark, from)
  const found: Record<'withheld' | 'absent' | 'split', string[]> = { withheld: missingLeaves, absent: [], split: [] }
  for (const claim of latest.values()) {
    const finding = compare(claim, await store.get(claim.id))
    if (finding !== 'contained') found[finding].push(claim.id)
  }
  // What another device deleted later is rightly not here.
  const deleted = found.absent.length === 0 ? new Map<string, number>() : await deletions(store, sealer, heads)
  const absent = found.absent.filter((id) => (deleted.get(id) ?? 0) <= (latest.get(id)?.version ?? 0))
  const doubts: Doubt[] = [
    { kind: 'changes-withheld', device, entities: [...found.withheld, ...absent] },
    { kind: 'devices-split', device, entities: found.split },
  ]
  return doubts.filter(({ entities }) => entities.length > 0)
}

/** By entity, the highest version that a device says was its deletion. */
async function deletions(store: LocalStore, sealer: Sealer, heads: readonly Mark[]): Promise<Map<string, number>> {
  const deleted = new Map<string, number>()
  for (const mark of heads) {
    for (const claim of (await readClaims(store, sealer, mark, 0)).latest.values()) {
      if (claim.deleted) deleted.set(claim.id, Math.max(claim.version, deleted.get(claim.id) ?? 0))
    }
  }
  return deleted
}

function demandOf(demand: Demand, epoch: number, counts: ReadonlyMap<string, number>): Doubt[] {
  const kind = epoch > demand.epoch ? 'restore-incomplete' : 'state-behind-mark'
  return Object.entries(demand.seen)
    .filter(([device, count]) => epoch < demand.epoch || (counts.get(device) ?? 0) < count)
    .map(([device]) => ({ kind, device, entities: [] }))
}

/** Equal texts are equal sets: then everything the other device vouches for is here, without looking at one claim. */
function viewText(view: Readonly<Record<string, SetCommitment>>): string {
  return canonical(Object.entries(view).map(([collection, set]) => [collection, textOf(set)]))
}

function viewTextOf({ view }: Mark): string {
  return canonical(Object.entries(view))
}

function canonical(entries: readonly (readonly [string, string])[]): string {
  return entries
    .filter(([, text]) => !text.startsWith('0.'))
    .map(([collection, text]) => `${collection} ${text}`)
    .sort()
    .join('\n')
}

import type { LocalStore } from '../local-store.ts'
import { open, type Sealer } from '../sealed-entity.ts'
import { type Claim, claimOf, withdrawal } from './claim.ts'
import { countOf, decodeLeaf, encodeLeaf, encodeMark, leafClaims, type Mark, markId } from './mark.ts'
import { textOf } from './set-commitment.ts'
import { leafOf, markOf, readHeads } from './verify.ts'

export interface Publisher {
  store: LocalStore
  sealer: Sealer
  device: string
  /** Writes an entity of the reserved type here. */
  write: (id: string, value: Uint8Array) => Promise<unknown>
  /** Sends what waits. */
  push: () => Promise<unknown>
  /** Milliseconds since 1970. */
  now: () => number
  /** Least milliseconds between two marks of this device. */
  everyMs: number
}

/**
 * Writes this device's mark anew when there is something to vouch for, and sends it. Only what was acknowledged is vouched for, so that
 * an honest server always bears a mark out, whatever was lost on the way. Nothing is vouched for before the device has walked through
 * everything once: it may be one that lost its memory and goes on with the mark it had.
 */
export async function publishMark(publisher: Publisher): Promise<void> {
  const { store, sealer, device, write, push, now, everyMs } = publisher
  const { epoch, rewalk, marks } = await store.state()
  if (epoch === undefined || rewalk !== undefined) return
  const own = await store.get(markId(sealer.user, device))
  if (own?.conflict !== undefined) return
  const last = markOf(sealer, own?.pending.at(-1)?.sealed ?? own?.confirmed?.sealed)
  const lapsed = last !== undefined && last.epoch !== epoch
  if (marks.owed.length === 0 && !marks.unpublished && !lapsed) return
  const early = last !== undefined && !lapsed && Math.abs(now() - Date.parse(last.at)) < everyMs
  // What changes of the account must not wait: the server is asked to change it next.
  if (early && JSON.stringify(last.facts) === JSON.stringify(marks.facts)) return

  const fresh = lapsed ? await vouchAgain(publisher, last, epoch) : []
  for (const id of new Set(marks.owed)) {
    const confirmed = (await store.get(id))?.confirmed
    if (confirmed?.epoch === epoch) fresh.push(claimOf(confirmed.sealed))
  }
  const claims = [...(last?.claims ?? []), ...fresh]
  const before = last?.leaves ?? 0
  const full = Math.floor(claims.length / leafClaims)
  for (let leaf = 0; leaf < full; leaf++) {
    const list = claims.slice(leaf * leafClaims, (leaf + 1) * leafClaims)
    await write(markId(sealer.user, device, before + leaf), encodeLeaf(device, before + leaf, list))
  }
  if (full > 0) {
    await push()
    // A mark that speaks of a leaf which is not there would be a false alarm on every other device.
    for (let leaf = 0; leaf < full; leaf++) {
      if (!(await acknowledged(publisher, before + leaf, epoch))) return
    }
  }
  const heads = (await readHeads(store, sealer, marks.devices)).filter((mark) => mark.epoch === epoch)
  const mark: Mark = {
    format: 'medtime-mark/1',
    device,
    epoch,
    at: new Date(now()).toISOString(),
    leaves: before + full,
    claims: claims.slice(full * leafClaims),
    seen: Object.fromEntries(heads.map((head) => [head.device, countOf(head)])),
    view: Object.fromEntries(Object.entries(marks.view).map(([collection, set]) => [collection, textOf(set)])),
    facts: marks.facts,
  }
  await write(markId(sealer.user, device), encodeMark(mark))
  const state = await store.state()
  await store.save([], { ...state, marks: { ...state.marks, owed: [], unpublished: false } })
  await push()
}

async function acknowledged({ store, sealer, device }: Publisher, index: number, epoch: number): Promise<boolean> {
  const record = await store.get(markId(sealer.user, device, index))
  return record?.pending.length === 0 && record.conflict === undefined && record.confirmed?.epoch === epoch
}

/**
 * After a restore of the server: what this device vouched for, as far as the server has it in the new epoch, and a withdrawal of the
 * rest. What is brought back later is vouched for anew when it is acknowledged.
 */
async function vouchAgain({ store, sealer, device, write }: Publisher, last: Mark, epoch: number): Promise<Claim[]> {
  const claims = new Map<string, Claim>()
  for (let index = 0; index < last.leaves; index++) {
    const id = markId(sealer.user, device, index)
    const record = await store.get(id)
    const waiting = record?.pending.at(-1)?.sealed
    const content = waiting === undefined ? undefined : open(sealer, waiting)
    const leaf =
      content === undefined ? leafOf(sealer, record, device, index) : decodeLeaf(content.value, device, index)
    // A leaf that no device has any more is filled with nothing: the count of a mark never goes back.
    if (leaf === undefined) {
      const nothing = Array.from({ length: leafClaims }, () => withdrawal(markId(sealer.user, device)))
      await write(id, encodeLeaf(device, index, nothing))
    }
    for (const claim of leaf ?? []) claims.set(claim.id, claim)
  }
  for (const claim of last.claims) claims.set(claim.id, claim)
  const again: Claim[] = []
  for (const claim of claims.values()) {
    const confirmed = (await store.get(claim.id))?.confirmed
    const now = confirmed?.epoch === epoch ? claimOf(confirmed.sealed) : withdrawal(claim.id)
    if (now.version !== claim.version || now.checksum !== claim.checksum) again.push(now)
  }
  return again
}

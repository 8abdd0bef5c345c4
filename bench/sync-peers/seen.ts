import { join } from 'node:path'
import { ask, settle } from './asked.ts'
import { newBlob } from './blob.ts'
import type { Contender } from './contender.ts'
import { newEntities } from './devices.ts'
import { canTrace, diskSyncs } from './disk-syncs.ts'

const pushesTraced = 20

/** What becomes of a write over a version that its writer has not seen. */
export type StaleWrite = 'refused' | 'both kept' | 'taken over the other'

export interface Seen {
  stale: StaleWrite
  /** Waits for the disk a push of one entity costs when none other is under way; undefined where calls cannot be traced. */
  syncsOfPush: number | undefined
}

/** Sees for itself what a contender does of what is compared. */
export async function see(contender: Contender, directory: string): Promise<Seen> {
  return { stale: await staleWrite(contender), syncsOfPush: await syncsOfPush(contender, directory) }
}

async function staleWrite(contender: Contender): Promise<StaleWrite> {
  const { address } = contender
  const [account] = await contender.accounts(1)
  const [entity] = newEntities(1)
  if (account === undefined || entity === undefined) throw new RangeError('no account')
  await settle(address, account.push([entity]))
  // Both are made from the first version, as two devices would that do not know of each other.
  const [mine, theirs] = [newBlob(), newBlob()]
  const first = account.push([{ ...entity, version: 2, blob: mine }])
  const second = account.push([{ ...entity, version: 2, blob: theirs }])
  await settle(address, first)
  await ask(address, second)
  const held = contender.read(await settle(address, account.pull(100)))
  if (!held.includes(theirs.base64)) return 'refused'
  return held.includes(mine.base64) ? 'both kept' : 'taken over the other'
}

async function syncsOfPush(contender: Contender, directory: string): Promise<number | undefined> {
  if (!canTrace()) return undefined
  const [account] = await contender.accounts(1)
  if (account === undefined) throw new RangeError('no account')
  const push = async () => {
    for (const entity of newEntities(pushesTraced)) await settle(contender.address, account.push([entity]))
  }
  // The first ones of a user make what is there only once.
  await push()
  const syncs = await diskSyncs(await contender.writers(), join(directory, 'syncs.log'), push)
  return syncs / pushesTraced
}

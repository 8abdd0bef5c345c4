import { join } from 'node:path'
import { ask, settle } from './asked.ts'
import { newBlob } from './blob.ts'
import type { Contender } from './contender.ts'
import { newEntities } from './devices.ts'
import { canTrace, diskSyncs } from './disk-syncs.ts'

const requestsTraced = 20

/** What becomes of a write over a version that its writer has not seen. */
export type StaleWrite = 'refused' | 'both kept' | 'taken over the other'

export interface Seen {
  stale: StaleWrite
  /** Waits for the disk that a push of one entity costs when none other is under way, and a pull; undefined where calls cannot be traced. */
  syncs: { push: number; pull: number } | undefined
}

/** Sees for itself what a contender does of what is compared. */
export async function see(contender: Contender, directory: string): Promise<Seen> {
  return { stale: await staleWrite(contender), syncs: await syncs(contender, directory) }
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

async function syncs(contender: Contender, directory: string): Promise<Seen['syncs']> {
  if (!canTrace()) return undefined
  const [account] = await contender.accounts(1)
  if (account === undefined) throw new RangeError('no account')
  const push = async () => {
    for (const entity of newEntities(requestsTraced)) await settle(contender.address, account.push([entity]))
  }
  const pull = async () => {
    for (let n = 0; n < requestsTraced; n++) await settle(contender.address, account.pull(100))
  }
  const traced = async (work: () => Promise<void>) => {
    // What the first requests of a user do only once is not what is asked.
    await work()
    return (await diskSyncs(await contender.processes(), join(directory, 'syncs.log'), work)) / requestsTraced
  }
  return { push: await traced(push), pull: await traced(pull) }
}

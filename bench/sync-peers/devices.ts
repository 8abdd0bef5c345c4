import { randomUUID } from 'node:crypto'
import { type Call, load, type Measured } from '../sync/load.ts'
import { settle } from './asked.ts'
import { anyBlob } from './blob.ts'
import type { Account, Contender, Entity } from './contender.ts'
import { processorMs, processorTimes } from './processor-time.ts'

export type Operation = 'push' | 'pull'

/** Sizes of pushes and pulls, in entities. */
export const sizes = [1, 10, 50] as const
export type Size = (typeof sizes)[number]

const entitiesOfUser = 50
const filledAtOnce = 8

/** A device that changes what it holds; it has one push under way at a time. */
interface Pushing {
  account: Account
  entities: { id: string; version: number }[]
  from: number
}

/** A device that was away: by size, the moment after which so many entities came. */
interface Pulling {
  account: Account
  moments: Record<Size, string | undefined>
}

export interface Devices {
  pushing: Pushing[]
  pulling: Pulling[]
}

export function newEntities(count: number): Entity[] {
  return Array.from({ length: count }, () => ({ id: randomUUID(), version: 1, blob: anyBlob() }))
}

/** Gives each user 50 entities; a quarter as many again only pull, and were away for the last 50, 10 and 1. */
export async function fill(contender: Contender, users: number): Promise<Devices> {
  const accounts = await contender.accounts(users + Math.ceil(users / 4))
  const push = (account: Account, entities: Entity[]) => settle(contender.address, account.push(entities))
  const pushing = await inTurns(accounts.slice(0, users), async (account) => {
    const entities = newEntities(entitiesOfUser)
    await push(account, entities)
    return { account, entities: entities.map(({ id, version }) => ({ id, version })), from: 0 }
  })
  const pulling = await inTurns(accounts.slice(users), async (account) => {
    await push(account, newEntities(40))
    const ten = await account.now()
    await push(account, newEntities(9))
    const one = await account.now()
    await push(account, newEntities(1))
    return { account, moments: { 50: undefined, 10: ten, 1: one } }
  })
  return { pushing, pulling }
}

async function inTurns<From, To>(from: readonly From[], each: (one: From) => Promise<To>): Promise<To[]> {
  const left = [...from]
  const made: To[] = []
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) made.push(await each(one))
  }
  await Promise.all(Array.from({ length: filledAtOnce }, worker))
  return made
}

export interface Turn {
  operation: Operation
  size: Size
  connections: number
  seconds: number
}

/** With the processor's time that was spent for it, by the contender and by who asked. */
export interface MeasuredTurn extends Measured {
  contenderMs: number
  generatorMs: number
}

/** One contender's turn at a load. */
export async function turn(contender: Contender, devices: Devices, wanted: Turn): Promise<MeasuredTurn> {
  const next = wanted.operation === 'push' ? pushes(devices, wanted.size) : pulls(devices, wanted.size)
  const before = await processorTimes(contender)
  const own = process.cpuUsage()
  const measured = await load({ address: contender.address, next }, wanted.connections, wanted.seconds)
  const { user, system } = process.cpuUsage(own)
  const contenderMs = processorMs(before, await processorTimes(contender))
  return { ...measured, contenderMs, generatorMs: (user + system) / 1000 }
}

function pushes({ pushing }: Devices, size: Size): () => Call {
  const idle = [...pushing]
  return () => {
    const device = idle.shift()
    if (device === undefined) throw new RangeError('more connections than users')
    const { account, entities } = device
    const changed = Array.from({ length: size }, (_, n) => entities[(device.from + n) % entities.length]).filter(
      (entity) => entity !== undefined,
    )
    device.from = (device.from + size) % entities.length
    for (const entity of changed) entity.version++
    const call = account.push(changed.map(({ id, version }) => ({ id, version, blob: anyBlob() })))
    return {
      ...call,
      done: (answer) => {
        call.done?.(answer)
        idle.push(device)
      },
    }
  }
}

function pulls({ pulling }: Devices, size: Size): (n: number) => Call {
  return (n) => {
    const device = pulling[n % pulling.length]
    if (device === undefined) throw new RangeError('no users')
    return device.account.pull(size, device.moments[size])
  }
}

/** Throws unless each device that was away is given as many entities as came meanwhile. */
export async function checkPulls(contender: Contender, { pulling }: Devices): Promise<void> {
  for (const { account, moments } of pulling) {
    for (const size of sizes) {
      const given = contender.read(await settle(contender.address, account.pull(100, moments[size]))).length
      if (given !== size) throw new Error(`a pull of ${size} entities gave ${given}`)
    }
  }
}

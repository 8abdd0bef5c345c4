import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import { isErrno } from '../durable.ts'
import type { Repository } from '../repository/repository.ts'
import { readCapabilities } from './capabilities.ts'
import { type Lease, type LeaseHolder, takeLease, underLease } from './lease.ts'

const machineSchema = z.strictObject({ id: z.uuid() })

/**
 * Who this machine is to others that write to the same repository: one project on one host. The host's name is part of it, so that
 * a copy of the folder elsewhere is somebody else.
 * @param file where the id is kept; made when it is not there.
 */
export async function machineHolder(file: string): Promise<LeaseHolder> {
  const host = hostname()
  const holder = (id: string) => ({ id: `${id}@${host}`, name: `${host} (process ${process.pid})` })
  const id = randomUUID()
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, `${JSON.stringify({ id })}\n`, { flag: 'wx', mode: 0o600 })
    return holder(id)
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error
  }
  const known = machineSchema.safeParse(parse(await readFile(file, 'utf8')))
  if (known.success) return holder(known.data.id)
  // Somebody died while writing it: nobody holds anything under it.
  await writeFile(file, `${JSON.stringify({ id })}\n`, { mode: 0o600 })
  return holder(id)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export interface HeldRepository {
  /** Writes to it fail once the lease is lost. */
  repository: Repository
  lease: Lease
}

/** Where a store lets two writers both win, a claim must stand so long before it counts: longer than a write takes to arrive. */
const settleMs = 5_000

/**
 * Takes the right to write to a repository; its writes renew it.
 * @param options.machine file with the id of this machine.
 * @param options.record file where it is written down what the store can do; it enforces conditions unless the record says otherwise.
 * @throws REPOSITORY_HELD
 */
export async function holdRepository(options: {
  repository: Repository
  machine: string
  record?: string
  clock: Clock
}): Promise<HeldRepository> {
  const { repository, clock, record } = options
  const known = record === undefined ? undefined : await readCapabilities(record, repository.store.place)
  const careless = known?.conditionalWrites === 'missing'
  const holder = await machineHolder(options.machine)
  const lease = await takeLease({ repository, holder, clock, ...(careless ? { settleMs } : {}) })
  return { repository: underLease(repository, lease), lease }
}

import { z } from 'zod'
import { formatLsn, hex8, type Lsn, parseLsn } from '../wal/lsn.ts'
import { layout } from './layout.ts'
import { once, type Repository, readJson } from './repository.ts'

const headSchema = z.record(z.string().regex(/^[0-9A-F]{8}$/), z.string())

/** Writes down how far the stored WAL of each timeline reaches. */
export async function writeHead(repository: Repository, ends: ReadonlyMap<number, Lsn>): Promise<void> {
  const head = Object.fromEntries([...ends].map(([timeline, lsn]) => [hex8(timeline), formatLsn(lsn)]))
  await repository.put(layout.head, once(Buffer.from(JSON.stringify(head))), { replace: true })
}

/**
 * How far the WAL of each timeline reached when the head was last written, which is at most a few seconds behind. WAL that ends
 * earlier has lost its tail.
 */
export async function readHead(repository: Repository): Promise<Map<number, Lsn>> {
  if ((await repository.store.stat(layout.head)) === undefined) return new Map()
  const head = await readJson(repository, layout.head, headSchema)
  return new Map(Object.entries(head).map(([timeline, lsn]) => [Number.parseInt(timeline, 16), parseLsn(lsn)]))
}

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { type Clock, timestamp } from '../../clock.ts'
import { isErrno, writeReplaced } from '../durable.ts'
import { layout } from '../repository/layout.ts'
import { abilitiesSchema, type StoreAbilities } from './abilities.ts'
import type { ByteStream, Store } from './store.ts'

const capabilitiesSchema = abilitiesSchema.extend({ place: z.string(), checkedAt: z.number() })

/** What a store was found to do, by trying. */
export interface StoreCapabilities extends StoreAbilities {
  place: string
  /** Milliseconds since the epoch. */
  checkedAt: number
}

/**
 * Tries what a store does; nothing is assumed. An object that is made for it is removed again.
 * @throws what the store throws when it cannot be reached or written to.
 */
export async function probeStore(store: Store, clock: Clock): Promise<StoreCapabilities> {
  const abilities = await (store.probe ? store.probe() : tryPlain(store))
  return { ...abilities, place: store.place, checkedAt: clock.now() }
}

/** What a store can do that has nothing beyond the operations every store has, such as a directory. */
async function tryPlain(store: Store): Promise<StoreAbilities> {
  const key = layout.probe(randomUUID())
  const write = (text: string) => store.put(key, once(Buffer.from(text)), { ifAbsent: true })
  try {
    await write('one')
    const { outcome } = await write('two')
    const conditionalWrites = outcome === 'exists' ? 'enforced' : 'missing'
    return { conditionalWrites, checksums: 'none', versioning: 'off', lock: { state: 'off' } }
  } finally {
    await store.delete(key)
  }
}

async function* once(bytes: Uint8Array): ByteStream {
  yield bytes
}

/** Writes down what was found. */
export async function recordCapabilities(file: string, found: StoreCapabilities): Promise<void> {
  await writeReplaced(file, `${JSON.stringify(found, null, 2)}\n`)
}

/** What was found last; undefined when the store was never tried, or another one was. */
export async function readCapabilities(file: string, place: string): Promise<StoreCapabilities | undefined> {
  try {
    const found = capabilitiesSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    if (found.place !== place) return undefined
    const { lock, ...rest } = found
    return { ...rest, lock: lock.days === undefined ? { state: lock.state } : { state: lock.state, days: lock.days } }
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof z.ZodError || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What was found and what follows from it, a sentence each, for people. */
export function describeCapabilities(found: StoreCapabilities): string[] {
  const { conditionalWrites, checksums, versioning, lock } = found
  return [
    {
      enforced: 'Two writers of one object: the second is refused.',
      'small-objects-only':
        'Two writers of one large object: the store lets the last one win; only the lease keeps two machines apart.',
      missing: 'Two writers of one object: the store lets the last one win; only the lease keeps two machines apart.',
    }[conditionalWrites],
    {
      verified: 'Checksums: bytes changed on the way are refused.',
      ignored: 'Checksums: the store does not look at them; damage is found when an object is read or verified.',
      none: 'Checksums: none on arrival; damage is found when an object is read or verified.',
    }[checksums],
    {
      on: 'Versions: what is replaced or removed stays as an older version, as long as the lifecycle keeps it.',
      suspended: 'Versions: suspended; what is removed now is gone.',
      off: 'Versions: none; what is removed is gone.',
      unknown: 'Versions: this access key may not ask.',
    }[versioning],
    {
      on: `Lock: objects can be locked${lock.days === undefined ? '; new ones are not by themselves' : `; new ones are for ${lock.days} days`}.`,
      off: 'Lock: none; whoever holds the access key can remove everything.',
      unknown: 'Lock: this access key may not ask.',
    }[lock.state],
    `Tried at ${timestamp(found.checkedAt)}.`,
  ]
}

import type { Ack } from 'aval'
import { z } from 'zod'
import type { Position, RawSync, StoredEntity } from './raw-sync.ts'

const acknowledged = z.strictObject({
  id: z.string(),
  version: z.int(),
  checksum: z.string(),
  deleted: z.boolean(),
})

/** What an acknowledged push promised: its user, and every entity as it was written. */
export const ackToken = z.strictObject({ user: z.string(), entities: z.array(acknowledged) })
export type AckToken = z.infer<typeof ackToken>

type Fate = 'kept' | 'lost' | 'altered'

export interface ReadBack {
  fateOf(ack: Ack): Promise<Fate>
  /** Looks anew from here on: the server may be another one. */
  forget(): void
}

/** How long a look at a user's data is believed without asking, and how long if the user's position has not moved. */
const freshMs = 1_000
const unmovedMs = 3_000

interface Look {
  startedAt: number
  confirmedAt: number
  position: Position
  entities: Map<string, StoredEntity>
}

/**
 * Looks at what the service holds with a device that knows nothing, and shares each look among the acknowledgements of its
 * user: thousands are read back with a few pulls. A look is only believed for acknowledgements older than itself.
 */
export function readBack(options: { device(user: string): RawSync; now(): number }): ReadBack {
  const { device, now } = options
  const looks = new Map<string, Promise<Look>>()

  const look = async (user: string, known: Look | undefined): Promise<Look> => {
    const startedAt = now()
    const position = await device(user).position()
    if (known !== undefined && startedAt - known.startedAt < unmovedMs && same(known.position, position))
      return { ...known, confirmedAt: startedAt }
    const entities = await device(user).pullAll()
    return { startedAt, confirmedAt: startedAt, position, entities }
  }
  const current = async (user: string, after: number): Promise<Look> => {
    const before = looks.get(user)
    const known = await before?.catch(() => undefined)
    if (known !== undefined && known.startedAt > after && now() - known.confirmedAt < freshMs) return known
    // Another caller may have begun a look while this one waited.
    const begun = looks.get(user)
    if (begun !== undefined && begun !== before) return current(user, after)
    const next = look(user, known !== undefined && known.startedAt > after ? known : undefined)
    looks.set(user, next)
    return next
  }

  return {
    forget: () => looks.clear(),
    fateOf: async (ack) => {
      const { user, entities } = ackToken.parse(ack.token)
      const { entities: held } = await current(user, ack.acknowledgedAt)
      const fates = entities.map((entity) => fateOf(entity, held.get(entity.id)))
      return fates.includes('lost') ? 'lost' : fates.includes('altered') ? 'altered' : 'kept'
    },
  }
}

/**
 * A write that a later version replaced is kept: whoever wrote the later one had seen it. So is a deletion that another device
 * made as well, under the same version, after a restore had lost both: the entity is gone as promised.
 */
export function fateOf(promised: AckToken['entities'][number], held: StoredEntity | undefined): Fate {
  if (held === undefined || held.version < promised.version) return 'lost'
  if (held.version > promised.version) return 'kept'
  if (held.deleted && promised.deleted) return 'kept'
  return held.checksum === promised.checksum && held.deleted === promised.deleted ? 'kept' : 'altered'
}

function same(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.cursor === b.cursor
}

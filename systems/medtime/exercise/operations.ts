import { randomUUID } from 'node:crypto'
import type { Random } from 'aval'
import type { RawSync } from './raw-sync.ts'
import { wireEntity } from './wire.ts'

const entities = 50
const entityBytes = 1_024
const searched = [
  'paracetamol',
  'losartan',
  'metformina',
  'amoxicilina',
  'omeprazol',
  'atorvastatina',
  'levotiroxina',
  'ibuprofeno',
  'salbutamol',
  'clonazepam',
] as const

/**
 * The operations whose time the plan promises, with entities as the server sees them: sealed already, since the promise is
 * the server's. They are made with devices of their own, so that what a client of the drills holds stays small.
 *
 * @param device a device of a user that belongs to the actor and to this purpose alone.
 * @param search what an app does while somebody types the name of a medicine.
 */
export function operations(
  device: (actor: string, purpose: string) => RawSync,
  search: (actor: string, typed: string) => Promise<void>,
) {
  const filled = new Map<string, Promise<void>>()
  // Ids are no part of the seed: the same id again would be a repetition, which is cheaper than a new entity.
  const batch = (random: Random) =>
    Array.from({ length: entities }, () => wireEntity({ id: randomUUID(), bytes: random.bytes(entityBytes) }))
  const known: Record<string, (actor: string, random: Random) => Promise<void>> = {
    'push of 50 entities': (actor, random) => device(actor, 'push').push(batch(random)),
    'pull of 50 entities': async (actor, random) => {
      const reader = device(actor, 'pull')
      let full = filled.get(actor)
      if (full === undefined) {
        full = fill(reader, () => batch(random))
        filled.set(actor, full)
      }
      await full.catch((error: unknown) => {
        filled.delete(actor)
        throw error
      })
      const page = await reader.pullPage(entities)
      if (page.length !== entities) throw new Error(`a page of ${entities} was expected, one of ${page.length} came`)
    },
    // Prefixes come again as they do where many people type: the first is made, the others are remembered.
    'search of the catalog': (actor, random) => {
      const name = random.pick(searched)
      return search(actor, name.slice(0, 4 + random.int(name.length - 3)))
    },
  }
  return async (operation: string, actor: string, random: Random): Promise<void> => {
    const perform = known[operation]
    if (perform === undefined)
      throw new Error(`MedTime has no operation "${operation}"; it has ${Object.keys(known).join(', ')}`)
    await perform(actor, random)
  }
}

/** Another run may have filled the user of the same name before. */
async function fill(reader: RawSync, batch: () => ReturnType<typeof wireEntity>[]): Promise<void> {
  if ((await reader.pullPage(entities)).length < entities) await reader.push(batch())
}

import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AvalError } from '../../errors.ts'
import { seededRandom } from '../../random.ts'
import { directoryStore } from '../../recovery/directory-store.ts'
import type { Store } from '../../recovery/store.ts'
import { verifyRepository } from '../../recovery/verify.ts'
import type { ProofSession } from '../prover.ts'
import { flipByte, keysOf, swap, truncate } from '../recovery/damage.ts'
import type { Aftermath } from '../recovery/loss.ts'
import type { Steps } from '../steps.ts'
import type { Inspection } from './prover.ts'

/** Reads the whole store as it is. */
export async function inspectStore({ repository }: Aftermath, steps: Steps): Promise<Inspection> {
  const report = await steps.do(
    'every object opened and compared',
    () => verifyRepository(repository),
    (found) => `${found.objects} objects`,
  )
  return {
    violations: report.problems.length,
    sample: { size: report.objects, of: 'objects of the store' },
    reason:
      report.problems.length === 0
        ? `All ${report.objects} objects are sound`
        : report.problems
            .slice(0, 3)
            .map((each) => `${each.key}: ${each.says}`)
            .join('; '),
    steps: steps.done(),
  }
}

/** Objects that are cut short or swapped, of those that all have a bit flipped. */
const sampled = 4

/**
 * Damages a copy of the store, one object at a time, and asks the verification what it sees: a bit flipped in every object, some
 * cut short, some put in each other's place. Undetected damage is counted, since a verification is worth what it misses.
 */
export async function tryEveryDamage(aftermath: Aftermath, session: ProofSession, steps: Steps): Promise<Inspection> {
  const copy = join(session.scratch.directory, 'damaged')
  const random = seededRandom(session.seed).fork('tampering')
  await rm(copy, { recursive: true, force: true })
  await cp(aftermath.storeDirectory, copy, { recursive: true })
  const store = directoryStore(copy)
  const keys = await keysOf(store)
  const some = Array.from({ length: Math.min(sampled, keys.length) }, () => random.pick(keys))
  const missed: string[] = []
  let tried = 0

  const attempt = async (damaged: readonly string[], damage: () => Promise<void>): Promise<boolean> => {
    await damage()
    tried++
    const blind = session.faults.has('verify-skips') && tried === 1
    const seen = await isNoticed(
      aftermath,
      blind ? withOldCopies(store, aftermath.repository.store, damaged) : store,
      damaged,
    )
    for (const key of damaged) await cp(join(aftermath.storeDirectory, key), join(copy, key))
    return seen
  }
  const round = async (
    name: string,
    objects: readonly (readonly string[])[],
    damage: (keys: readonly string[]) => Promise<void>,
  ) => {
    await steps.do(
      name,
      async () => {
        const unseen: string[] = []
        for (const damaged of objects) {
          session.signal.throwIfAborted()
          if (!(await attempt(damaged, () => damage(damaged)))) unseen.push(damaged.join(' and '))
        }
        missed.push(...unseen.map((object) => `${object} (${name})`))
        return unseen.length
      },
      (unseen) => `${objects.length - unseen} of ${objects.length} found`,
    )
  }
  try {
    await round(
      'one bit flipped',
      keys.map((key) => [key]),
      async ([key = '']) => flipByte(copy, key, random),
    )
    await round(
      'cut short',
      some.map((key) => [key]),
      async ([key = '']) => truncate(copy, key, random),
    )
    const pairs = some.flatMap((key) => {
      const other = keys.find((each) => each !== key)
      return other === undefined ? [] : [[key, other]]
    })
    await round("put in each other's place", pairs, async ([first = '', second = '']) => swap(copy, first, second))
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
  return {
    violations: missed.length,
    sample: { size: tried, of: `damages to ${keys.length} objects, one at a time` },
    reason:
      missed.length === 0 ? `All ${tried} damages were found and named` : `Not found: ${missed.slice(0, 3).join(', ')}`,
    steps: steps.done(),
  }
}

/** Whether opening or verifying a store names one of the objects that were damaged. */
async function isNoticed(aftermath: Aftermath, store: Store, damaged: readonly string[]): Promise<boolean> {
  try {
    const { problems } = await verifyRepository(await aftermath.open(store))
    return problems.some(({ key }) => damaged.includes(key))
  } catch (error) {
    return error instanceof AvalError && damaged.some((key) => error.message.includes(key))
  }
}

/** A mutant of verification: the named objects are read from where they are still whole. */
function withOldCopies(store: Store, old: Store, keys: readonly string[]): Store {
  return {
    ...store,
    get: (key) => (keys.includes(key) ? old : store).get(key),
    stat: (key) => (keys.includes(key) ? old : store).stat(key),
  }
}

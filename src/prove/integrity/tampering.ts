import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
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

/**
 * Damages a copy of the store, every object in turn of each kind of damage, and asks the verification what it sees. Undetected
 * damage is counted, since a verification is worth what it misses.
 */
export async function tryEveryDamage(aftermath: Aftermath, session: ProofSession, steps: Steps): Promise<Inspection> {
  const copy = join(session.scratch.directory, 'damaged')
  const random = seededRandom(session.seed).fork('tampering')
  const missed: string[] = []
  let tried = 0
  const round = async (name: string, damage: (keys: readonly string[]) => Promise<readonly string[]>) => {
    await rm(copy, { recursive: true, force: true })
    await cp(aftermath.storeDirectory, copy, { recursive: true })
    const store = directoryStore(copy)
    const keys = (await keysOf(store)).filter((key) => key !== 'repository')
    await steps.do(
      name,
      async () => {
        const damaged = await damage(keys)
        const watched = session.faults.has('verify-skips')
          ? withOldCopies(store, aftermath.repository.store, damaged.slice(0, 1))
          : store
        const report = await verifyRepository(await aftermath.open(watched))
        const named = new Set(report.problems.map((problem) => problem.key))
        tried += damaged.length
        const unseen = damaged.filter((key) => !named.has(key))
        missed.push(...unseen.map((key) => `${key} (${name})`))
        return { damaged, unseen }
      },
      ({ damaged, unseen }) => `${damaged.length - unseen.length} of ${damaged.length} found`,
    )
  }
  try {
    await round('one bit flipped in every object', async (keys) => {
      for (const key of keys) await flipByte(copy, key, random)
      return keys
    })
    await round('every object cut short', async (keys) => {
      for (const key of keys) await truncate(copy, key, random)
      return keys
    })
    await round('objects swapped with their neighbours', async (keys) => {
      const swapped: string[] = []
      for (let index = 0; index + 1 < keys.length; index += 2) {
        const [first, second] = [keys[index], keys[index + 1]]
        if (first === undefined || second === undefined) continue
        await swap(copy, first, second)
        swapped.push(first, second)
      }
      return swapped
    })
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
  return {
    violations: missed.length,
    sample: { size: tried, of: 'damaged objects' },
    reason:
      missed.length === 0 ? `All ${tried} damages were found and named` : `Not found: ${missed.slice(0, 3).join(', ')}`,
    steps: steps.done(),
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

import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AvalError } from '../../errors.ts'
import { seededRandom } from '../../random.ts'
import { verifyRepository } from '../../recovery/repository/verify.ts'
import { directoryStore } from '../../recovery/stores/directory-store.ts'
import type { Store } from '../../recovery/stores/store.ts'
import type { ProofSession } from '../prover.ts'
import type { Aftermath } from '../recovery/aftermath.ts'
import { flipByte, keysOf, swap, truncate } from '../recovery/damage.ts'
import type { Steps } from '../steps.ts'
import type { Inspection } from './inspection.ts'

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
 * Damages a copy of the store and asks the verification what it sees: every object with a bit flipped, every object cut short,
 * and objects put in each other's place. Undetected damage is counted, since a verification is worth what it misses.
 */
export async function tryEveryDamage(aftermath: Aftermath, session: ProofSession, steps: Steps): Promise<Inspection> {
  const copy = join(session.scratch.directory, 'damaged')
  const random = seededRandom(session.seed).fork('tampering')
  await rm(copy, { recursive: true, force: true })
  await cp(aftermath.storeDirectory, copy, { recursive: true })
  const store = directoryStore(copy)
  const keys = await keysOf(store)
  const missed: string[] = []
  let tried = 0
  const round = async (
    name: string,
    groups: readonly string[][],
    damage: (key: string, next: string) => Promise<void>,
  ) => {
    const unseen: string[] = []
    await steps.do(
      name,
      async () => {
        for (const group of groups) {
          session.signal.throwIfAborted()
          for (const [index, key] of group.entries()) await damage(key, group[index + 1] ?? key)
          const blind = session.faults.has('verify-skips') && tried === 0
          const watched = blind ? withOldCopies(store, aftermath.repository.store, group) : store
          tried += group.length
          unseen.push(...(await notNoticed(aftermath, watched, group)))
          for (const key of group) await cp(join(aftermath.storeDirectory, key), join(copy, key))
        }
        missed.push(...unseen.map((key) => `${key} (${name})`))
      },
      () => `${groups.flat().length - unseen.length} of ${groups.flat().length} found`,
    )
  }
  try {
    const groups = independentGroups(keys)
    await round('one bit flipped in every object', groups, (key) => flipByte(copy, key, random))
    await round('every object cut short', groups, (key) => truncate(copy, key, random))
    const pairs = groups.filter((group) => group.length > 1).map((group) => group.slice(0, 2))
    await round("objects put in each other's place", pairs, async (key, next) => {
      if (key !== next) await swap(copy, key, next)
    })
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
  return {
    violations: missed.length,
    sample: { size: tried, of: `damages to ${keys.length} objects` },
    reason:
      missed.length === 0 ? `All ${tried} damages were found and named` : `Not found: ${missed.slice(0, 3).join(', ')}`,
    steps: steps.done(),
  }
}

/**
 * Objects whose damages are told apart when they are there at once: pieces of WAL are read each by itself. What a backup or
 * the whole repository is known by hides what lies behind it, and is damaged alone.
 */
function independentGroups(keys: readonly string[]): string[][] {
  const isWal = (key: string) => key.startsWith('wal/') || key.startsWith('partial/')
  return [keys.filter(isWal), ...keys.filter((key) => !isWal(key)).map((key) => [key])].filter(
    (group) => group.length > 0,
  )
}

/** The damaged objects that neither opening nor verifying the store names. */
async function notNoticed(aftermath: Aftermath, store: Store, damaged: readonly string[]): Promise<string[]> {
  try {
    const { problems } = await verifyRepository(await aftermath.open(store))
    return damaged.filter((key) => !problems.some((problem) => problem.key === key))
  } catch (error) {
    return damaged.filter((key) => !(error instanceof AvalError && error.message.includes(key)))
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

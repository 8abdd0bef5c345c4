import { failure } from '../errors.ts'

/** What a service waits for, by name. */
export type Needs = ReadonlyMap<string, readonly string[]>

/**
 * Names in an order in which each comes after all it needs. What is needed but not listed (the database, services that
 * somebody else runs) counts as there already.
 * @throws SERVICES_IN_A_CIRCLE naming the circle.
 */
export function startOrder(needs: Needs): string[] {
  const order: string[] = []
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]) => {
    if (done.has(name)) return
    if (path.includes(name)) {
      throw failure('SERVICES_IN_A_CIRCLE', { circle: [...path.slice(path.indexOf(name)), name].join(' -> ') })
    }
    for (const needed of needs.get(name) ?? []) if (needs.has(needed)) visit(needed, [...path, name])
    done.add(name)
    order.push(name)
  }
  for (const name of needs.keys()) visit(name, [])
  return order
}

/** Turned round: who waits for each name. */
export function dependents(needs: Needs): Map<string, string[]> {
  const waiting = new Map<string, string[]>([...needs.keys()].map((name) => [name, []]))
  for (const [name, needed] of needs) for (const each of needed) waiting.get(each)?.push(name)
  return waiting
}

/**
 * Runs `work` for every name as soon as it has finished for all that the name waits for, independent names at once.
 * After the first failure nothing new begins; what runs already is awaited, then the failure is thrown.
 */
export async function inOrder(waitsFor: Needs, work: (name: string) => Promise<void>): Promise<void> {
  const begun = new Map<string, Promise<void>>()
  const failures: unknown[] = []
  for (const name of startOrder(waitsFor)) {
    const earlier = (waitsFor.get(name) ?? []).flatMap((needed) => begun.get(needed) ?? [])
    const turn = Promise.all(earlier).then(async () => {
      if (failures.length > 0) return
      try {
        await work(name)
      } catch (error) {
        failures.push(error)
      }
    })
    begun.set(name, turn)
  }
  await Promise.all(begun.values())
  if (failures.length > 0) throw failures[0]
}

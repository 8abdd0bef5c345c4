import type { Store } from '../../recovery/store.ts'

/**
 * Brings a second store to what the first holds. What vanished from the first while it was read was replaced by something that the
 * listing did not show; the pass is then made again, so that a copy never lacks the middle of what it has.
 * @param skip keys that are left out, for a copy that is to be found wanting.
 * @returns how many objects the second store has.
 */
export async function copyStore(
  first: Store,
  second: Store,
  skip: (key: string) => boolean = () => false,
): Promise<number> {
  for (;;) {
    const listed = new Map<string, number>()
    for await (const { key, size } of first.list('')) if (!skip(key)) listed.set(key, size)
    // `head` says how far the rest reaches: taken before the rest it never promises what is not there.
    const keys = [...listed.keys()].toSorted((a, b) => Number(b === 'head') - Number(a === 'head'))
    let vanished = false
    for (const key of keys) {
      const there = await second.stat(key)
      if (there?.size === listed.get(key) && key !== 'head') continue
      const content = await first.get(key)
      if (content === undefined) vanished = true
      else await second.put(key, content, { ifAbsent: false })
    }
    if (vanished) continue
    for await (const { key } of second.list('')) if (!listed.has(key)) await second.delete(key)
    return listed.size
  }
}

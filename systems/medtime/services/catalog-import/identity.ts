import { createHash } from 'node:crypto'
import { normalise, wordsOf } from '../../client/catalog/normalise.ts'
import { significantWords } from '../../client/catalog/salt.ts'

/** Tells which names are of the same medicine. */
export interface Identity {
  /** The same for the same set of substances, in whatever language, order and salt they are named. */
  keyOf(ingredients: readonly string[]): string
}

/**
 * @param synonyms by name: the international name of the same substance, for those that no rule of spelling joins, such as
 *   paracetamol and acetaminophen
 */
export function createIdentity(synonyms: ReadonlyMap<string, string>): Identity {
  const skeleton = (name: string) => skeletonOf(wordsOf(normalise(name)))
  const known = new Map([...synonyms].map(([name, inn]) => [skeleton(name), skeleton(inn)]))
  const keyOfOne = (name: string) => {
    const bare = skeletonOf(significantWords(wordsOf(normalise(name))))
    return known.get(skeleton(name)) ?? known.get(bare) ?? bare
  }
  return { keyOf: (ingredients) => [...new Set(ingredients.map(keyOfOne))].sort().join(' + ') }
}

/** An id of a medicine that stays the same across imports. It does not show the name, since addresses get into logs of others. */
export function medicineId(key: string): string {
  return createHash('sha256').update(`medicine ${key}`).digest('hex').slice(0, 16)
}

/**
 * What spellings of one international name have in common: `clindamicina`, `clindamycin` and `clindamycine` are one. These are the
 * rules by which international names are carried from Latin to English, Spanish and Portuguese, and no likeness.
 */
export function skeletonOf(words: readonly string[]): string {
  return words.map(skeletonOfWord).sort().join(' ')
}

function skeletonOfWord(word: string): string {
  if (word === 'acido') return 'acid'
  const plain = word
    .replace(/ph/g, 'f')
    .replace(/th/g, 't')
    .replace(/rh/g, 'r')
    .replace(/ch(?=[lr])/g, 'c')
    .replace(/y/g, 'i')
    .replace(/qu(?=[ei])/g, 'k')
    .replace(/c(?=[aolrtu])/g, 'k')
    .replace(/([a-z])\1/g, '$1')
    .replace(/^es(?=[ptk])/, 's')
  // Short words keep their ends: with them they would lose what tells them apart.
  return plain.length <= 5 ? plain : plain.replace(/(um|[aeo])$/, '')
}

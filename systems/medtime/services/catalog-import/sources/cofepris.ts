import { normalise, wordsOf } from '../../../client/catalog/normalise.ts'
import { significantWords } from '../../../client/catalog/salt.ts'
import type { SourceLine } from '../facts.ts'
import { skeletonOf } from '../identity.ts'
import { readTable } from '../table.ts'
import type { Encoding } from '../text-file.ts'
import { ingredientsOf } from './words.ts'

const columns = ['clave', 'descripcion', 'palabras_similares'] as const
/** Words that only names of groups have. */
const groups =
  /\b(otros|otras|agentes?|medicamentos|productos|antibioticos|inhibidores|bloqueadores|vacunas|derivados)\b/

/**
 * The medicines (51...) of the list of goods that Mexico's tax authority keeps; COFEPRIS publishes none that programs read.
 *
 * Its column of similar words is believed only where it spells the same name in another way: it calls chlorphenamine similar to
 * chloramphenicol, and itraconazole to voriconazole.
 */
export async function* readCofepris(path: string, encoding: Encoding): AsyncGenerator<SourceLine> {
  for await (const { line, cell } of readTable({ path, encoding, columns, named: true })) {
    const key = cell('clave')
    const name = cell('descripcion')
    const ingredients = ingredientsOf(name, /\s[yo+]\s|\//)
    if (!/^51\d{6}$/.test(key)) yield { line, rejected: 'no key of a medicine' }
    else if (/00$/.test(key) || groups.test(normalise(name))) yield { line, rejected: 'names a group of medicines' }
    else if (ingredients === undefined) yield { line, rejected: 'no substance' }
    else {
      yield {
        line,
        told: {
          // What stands on both sides of "o" is one substance with two names.
          ingredients: / o /.test(name) ? ingredients.slice(0, 1) : ingredients,
          language: 'es',
          aliases: cell('palabras_similares')
            .split(',')
            .map((word) => word.trim())
            .filter((word) => word !== '' && spelling(word) === spelling(name) && normalise(word) !== normalise(name))
            .map((word) => ['synonym', word] as const),
          sat: key,
        },
      }
    }
  }
}

function spelling(name: string): string {
  return skeletonOf(significantWords(wordsOf(normalise(name))))
}

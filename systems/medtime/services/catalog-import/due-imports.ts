import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { checkedAt } from './catalog-database.ts'
import { ImportError } from './import-error.ts'
import { importSource } from './import-source.ts'
import { dueSources } from './schedule.ts'
import type { Source } from './source.ts'
import { starterPath } from './sources/starter.ts'
import type { Summary } from './summary.ts'

/** The names under which the files of a source are looked for in the folder of downloads. */
export const fileNames: Readonly<Record<Exclude<Source, 'starter'>, readonly string[]>> = {
  ema: ['ema_medicines.csv'],
  rxnorm: ['RXNCONSO.RRF', 'RXNSAT.RRF'],
  cofepris: ['sat_mx_medicamentos_51.csv'],
  'cofepris-lists': [
    'sat_ccp_31_formas_farmaceuticas.sql',
    'sat_ccp_31_condiciones_especiales.sql',
    'sat_ccp_31_sectores_cofepris.sql',
  ],
  'ema-rxnorm': ['ema-to-rxnorm.tsv'],
  'drugs-at-fda': ['drugsatfda_products.csv'],
}

/** What became of a source that was due. `missing`: its files are not there, and it stays due. */
export type DueOutcome =
  | { source: Source; outcome: 'done'; summary: Summary }
  | { source: Source; outcome: 'missing'; files: readonly string[] }
  | { source: Source; outcome: 'refused'; reason: string }

/**
 * Takes in every source that is due, from a folder in which the newest files lie. One that fails keeps none of the others back. Run
 * it as often as you like: two at once take turns, and what one did is not due for the other.
 */
export async function importDue(client: Client, folder: string, now: Date): Promise<DueOutcome[]> {
  const outcomes: DueOutcome[] = []
  for (const source of dueSources(await checkedAt(client), now)) {
    const paths = source === 'starter' ? [starterPath] : fileNames[source].map((name) => join(folder, name))
    const present = await Promise.all(paths.map(exists))
    if (present.includes(false)) {
      outcomes.push({ source, outcome: 'missing', files: paths.filter((_, index) => present[index] === false) })
      continue
    }
    try {
      outcomes.push({ source, outcome: 'done', summary: await importSource(client, { source, paths, now }) })
    } catch (thrown) {
      if (!(thrown instanceof ImportError)) throw thrown
      outcomes.push({ source, outcome: 'refused', reason: thrown.message })
    }
  }
  return outcomes
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

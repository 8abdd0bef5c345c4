import { digestOf } from '../../client/catalog/digest.ts'
import { namesOf } from '../../client/catalog/rank.ts'
import { FactsCollector } from './facts.ts'
import { mergeRecords } from './merge.ts'
import { readStarter, starterIdentity, starterPath } from './sources/starter.ts'

/**
 * The starter catalog as a migration: a new installation finds medicines before anybody has imported anything. Every later version
 * is written by an import.
 */
export async function starterMigration(): Promise<string> {
  const identity = await starterIdentity()
  const collector = new FactsCollector()
  for await (const line of readStarter(starterPath, 'utf-8')) {
    if ('rejected' in line) throw new Error(`seed/catalog.tsv line ${line.line}: ${line.rejected}`)
    collector.add(identity.keyOf(line.told.ingredients), line.told)
  }
  const medicines = mergeRecords(new Map([['starter', collector.facts()]]))
  const bodies = medicines.map((medicine) => `  (${quoted(medicine.id)}, 1, ${quoted(JSON.stringify(medicine))})`)
  const names = medicines
    .flatMap(namesOf)
    .map(({ id, term, shown, rank }) => `  (${quoted(id)}, ${quoted(term)}, ${quoted(shown)}, ${rank})`)
  return `-- The starter catalog, made from seed/catalog.tsv by services/catalog-import/starter-migration.ts.
INSERT INTO public.srv_catalog_medicines (id, since, body) VALUES
${bodies.join(',\n')};

INSERT INTO public.srv_catalog_names (id, term, shown, rank) VALUES
${names.join(',\n')};

INSERT INTO public.srv_catalog_versions (version, published_at, medicines, digest)
  VALUES (1, '2025-12-09T00:10:10Z', ${medicines.length}, ${quoted(digestOf(medicines))});
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

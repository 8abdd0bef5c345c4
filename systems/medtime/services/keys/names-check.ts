import type { Database } from '../api/database.ts'

/**
 * Holds a service to the key that its names were hashed with from the first start on. With another one nobody would be found any more, and
 * everybody who came meanwhile would have to be let go again.
 * @param hash of nothing, under the key for names: 32 bytes
 * @throws Error when it is another one than before
 */
export async function requireSameNames(
  database: Database,
  service: 'accounts' | 'messages',
  hash: Buffer,
): Promise<void> {
  await database.run(
    'keep names check',
    'INSERT INTO public.srv_names_checks (service, names_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [service, hash],
  )
  const rows = await database.run<{ names_hash: Buffer }>(
    'read names check',
    'SELECT names_hash FROM public.srv_names_checks WHERE service = $1',
    [service],
  )
  if (rows[0]?.names_hash.equals(hash) !== true) throw new OtherNames()
}

/** The key for names is not the one this database was begun with. */
class OtherNames extends Error {
  readonly code = 'OTHER_NAMES_KEY'
  constructor() {
    super('names are hashed with another key than this database was begun with')
  }
}

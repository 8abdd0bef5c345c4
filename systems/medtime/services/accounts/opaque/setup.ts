import type { Database } from '../../api/database.ts'
import { requireSameNames } from '../../keys/names-check.ts'
import type { Sealing } from '../sealing/seal.ts'
import { createOpaqueSetup, type Opaque, type OpaqueSetup, openOpaque } from './opaque.ts'

/** What the setup is sealed for. */
export const opaquePurpose = 'opaque setup'

/** The server's half of OPAQUE with the secrets of this database; the first instance that asks makes them. */
export async function opaqueOf(database: Database, sealing: Sealing): Promise<Opaque> {
  await requireSameNames(database, 'accounts', sealing.mac('names', ''))
  const found = await read(database, sealing)
  if (found !== undefined) return openOpaque(found)
  const { secret, standIn } = await createOpaqueSetup()
  // Of two that come at once the row of the first stays, and both use that one.
  await database.run(
    'make opaque setup',
    'INSERT INTO public.srv_opaque_setup (sealed_setup, stand_in_record) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [sealing.seal(opaquePurpose, secret), standIn],
  )
  const made = await read(database, sealing)
  if (made === undefined) throw new Error('the setup of OPAQUE was not kept')
  return openOpaque(made)
}

async function read(database: Database, sealing: Sealing): Promise<OpaqueSetup | undefined> {
  const rows = await database.run<{ sealed_setup: Buffer; stand_in_record: string }>(
    'read opaque setup',
    'SELECT sealed_setup, stand_in_record FROM public.srv_opaque_setup',
    [],
  )
  const [row] = rows
  return row && { secret: sealing.open(opaquePurpose, row.sealed_setup), standIn: row.stand_in_record }
}

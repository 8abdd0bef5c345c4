import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withClient } from '../../../postgres/connection.ts'
import { startServer } from '../../../postgres/launch.ts'
import { reachable } from '../../../postgres/place.ts'
import type { OwnedServer } from '../../../postgres/server.ts'
import { createStandby } from '../../../recovery/standby/create-standby.ts'
import { setSynchronous } from '../../../recovery/standby/link.ts'
import type { Strike } from '../run.ts'

/**
 * A standby follows the primary under load, synchronously where the procedure may lose nothing, and then the primary is killed. Its data
 * stay on its disk, as after a crash of the machine.
 */
export const killPrimary: Strike = async (run) => {
  const { session, site, procedure, load } = run
  const { clock, effort, faults, scratch, signal } = session
  const { environment } = site
  const log = () => undefined
  const { binaries } = environment
  const start = (dataDirectory: string) => startServer({ dataDirectory, binaries, clock })
  const pairFile = join(scratch.directory, 'pair', 'pair.json')
  const synchronous = procedure.loss === 0 && !faults.has('standby-lagging')
  const primary = environment.server
  const { server: standby } = await createStandby({
    primary,
    pairFile,
    directory: await reachable(join(scratch.directory, 'standby')),
    synchronous,
    clock,
    start,
    log,
    signal,
  })
  session.defer(() => standby.stop('immediate'))
  if (faults.has('standby-lagging')) await disconnect(standby)
  await clock.sleep(effort.loadMs / 2, signal)
  await primary.kill()
  const at = clock.now()
  await site.stopArchive()
  await load.stop()
  return {
    at,
    what: `primary killed, a ${synchronous ? 'synchronous' : 'asynchronous'} standby is left`,
    pairing: { pairFile, standby, primary, start },
    tidy: async () => {
      await setSynchronous(site.environment.server, false)
      await run.made.rejoined?.stop('immediate')
      await rm(pairFile, { force: true })
      await rm(primary.dataDirectory, { recursive: true, force: true })
    },
  }
}

/** What a standby does behind a network that lets nothing through. */
async function disconnect(standby: OwnedServer): Promise<void> {
  await withClient(standby.url(), async (client) => {
    await client.query("ALTER SYSTEM SET primary_conninfo = ''")
    await client.query('SELECT pg_reload_conf()')
  })
}

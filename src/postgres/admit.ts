import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { withClient } from './connection.ts'
import type { RunningServer } from './server.ts'
import { writeAccess } from './settings.ts'

const patienceMs = 10_000

/**
 * Lets everybody in to a server that was started for the superuser alone, without a restart.
 * @returns once new connections find it open.
 */
export async function admitEverybody(server: RunningServer, clock: Clock): Promise<void> {
  await writeAccess(server.dataDirectory, 'everybody')
  const before = await withClient(server.url(), async (client) => {
    const { rows } = await client.query<{ at: string }>('SELECT pg_conf_load_time()::text AS at, pg_reload_conf()')
    return rows[0]?.at ?? ''
  })
  const deadline = clock.now() + patienceMs
  // The postmaster reads the rules on its own time; a session started after that knows a later one.
  while (!(await reloadedSince(server, before))) {
    if (clock.now() > deadline) throw failure('UNEXPECTED', { problem: 'the server does not read its access rules' })
    await clock.sleep(5)
  }
}

function reloadedSince(server: RunningServer, before: string): Promise<boolean> {
  return withClient(server.url(), async (client) => {
    const { rows } = await client.query<{ later: boolean }>('SELECT pg_conf_load_time() > $1::timestamptz AS later', [
      before,
    ])
    return rows[0]?.later === true
  })
}

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { findBinaries } from '../../src/postgres/binaries.ts'
import { withClient } from '../../src/postgres/connection.ts'
import { prepareDatabase } from '../../src/postgres/database.ts'
import { startServer } from '../../src/postgres/launch.ts'
import { temporaryPlace } from '../../src/postgres/place.ts'
import plan from '../../systems/medtime/plan.ts'
import { migrate } from '../../systems/medtime/test/database.ts'
import { type Launched, launch } from './launch.ts'
import { naiveSchema } from './naive-schema.ts'

export interface Servers {
  medtime: string
  /** Of the process of MedTime's API. */
  medtimePid: number
  /** Further APIs of MedTime over the same database, as they were asked for. */
  others: readonly { address: string; pid: number }[]
  naive: string
  issuer: string
  adminUrl: string
  postgres: string
  stop(): Promise<void>
}

export interface ServersOptions {
  /** Whether requests are counted against rate limits. */
  countLimits?: boolean
  /** What the API is told beside what it needs; given the folder that goes with the servers. */
  environment?: (place: string) => Record<string, string>
  /** Starts further APIs, each with flags for Node of its own. */
  others?: readonly { flags: readonly string[] }[]
}

const root = join(import.meta.dirname, '../..')

/** One Postgres with the plan's settings, MedTime's issuer and API, and the naive server. Logs go to files, as in operation. */
export async function startServers(
  nodeFlags: readonly string[] = [],
  { countLimits = true, environment: told = () => ({}), others: asked = [] }: ServersOptions = {},
): Promise<Servers> {
  const place = await temporaryPlace('bench')
  const launched: Launched[] = []
  const postgres = await startServer({
    dataDirectory: join(place.path, 'data'),
    binaries: await findBinaries('embedded'),
    clock: systemClock,
    // Room for the log, so that no checkpoint falls into one server's turn.
    settings: { ...plan.database?.settings, max_wal_size: '8GB', checkpoint_timeout: '1h' },
  })
  const stop = async () => {
    await Promise.all(launched.map((server) => server.stop()))
    await postgres.stop('immediate')
    await place.remove()
  }
  try {
    const database = await prepareDatabase(postgres, {
      name: 'bench',
      owner: 'medtime_owner',
      roles: ['medtime_api', 'medtime_accounts'],
      extensions: plan.database?.extensions ?? [],
      secret: randomBytes(32),
    })
    await migrate(database.ownerUrl)
    await withClient(database.ownerUrl, (client) => client.query(naiveSchema))
    const start = async (
      file: string,
      ready: string,
      environment: Record<string, string>,
      flags: readonly string[] = [],
    ) => {
      const server = await launch({
        args: () => [...flags, join(root, file)],
        environment: (port) => ({ AVAL_ENVIRONMENT: 'scratch', PORT: String(port), ...environment }),
        directory: place.path,
        ready,
      })
      launched.push(server)
      return server
    }
    const { address: issuer } = await start('systems/medtime/services/issuer/main.ts', '/health', {})
    const ofApi = {
      DATABASE_URL: database.roleUrl('medtime_api'),
      ISSUER_URL: issuer,
      // Every request is counted, at limits that nothing here reaches; in scratch this machine would be exempt.
      ...(countLimits ? { LIMITS_EXEMPT: '' } : {}),
      LIMITS_TIMES: '1000000',
    }
    const startApi = (environment: Record<string, string>, flags: readonly string[]) =>
      start('systems/medtime/services/api/main.ts', '/health/ready', { ...ofApi, ...environment }, flags)
    const medtime = await startApi(told(place.path), nodeFlags)
    const others: Launched[] = []
    for (const { flags } of asked) others.push(await startApi({}, flags))
    const naive = await start('bench/sync/naive-server.ts', '/health/ready', { DATABASE_URL: database.ownerUrl })
    return {
      medtime: medtime.address,
      medtimePid: medtime.pid,
      others,
      naive: naive.address,
      issuer,
      adminUrl: database.adminUrl,
      postgres: postgres.version,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

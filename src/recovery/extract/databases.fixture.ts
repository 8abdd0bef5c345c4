import { escapeIdentifier } from 'pg'
import { withClient } from '../../postgres/connection.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { makePlace, type Place } from '../cluster.fixture.ts'

/** A server with as many databases as a test wants, owned by a role that is no superuser. */
export interface Databases {
  place: Place
  server: OwnedServer
  /** A new database, or a copy of one as it is now; nobody may be connected to it. */
  create(from?: Database): Promise<Database>
  remove(): Promise<void>
}

export interface Database {
  name: string
  /** The superuser on it. */
  admin: string
  owner: string
  run(sql: string): Promise<void>
  rows(sql: string): Promise<unknown[]>
}

export async function makeDatabases(): Promise<Databases> {
  const place = await makePlace()
  const server = await place.server()
  await withClient(server.url(), (client) => client.query("CREATE ROLE keeper LOGIN PASSWORD 'keeper'"))
  let count = 0
  return {
    place,
    server,
    create: async (from) => {
      const name = `d${++count}`
      const template = from === undefined ? '' : `TEMPLATE ${escapeIdentifier(from.name)} STRATEGY file_copy`
      await withClient(server.url(), (client) => client.query(`CREATE DATABASE ${name} OWNER keeper ${template}`))
      const admin = server.url({ database: name })
      const owner = server.url({ database: name, user: 'keeper', password: 'keeper' })
      return {
        name,
        admin,
        owner,
        run: (sql) => withClient(owner, async (client) => void (await client.query(sql))),
        rows: (sql) => withClient(admin, async (client) => (await client.query(sql)).rows),
      }
    },
    remove: () => place.remove(),
  }
}

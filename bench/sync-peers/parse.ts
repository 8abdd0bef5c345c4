import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { withClient } from '../../src/postgres/connection.ts'
import { launch } from '../sync/launch.ts'
import { json, settle } from './asked.ts'
import type { Account, Contender, Entity } from './contender.ts'
import { type Peers, programs } from './install.ts'
import { backends } from './medtime.ts'

const signedUp = z.object({ objectId: z.string(), sessionToken: z.string() })
const page = z.object({ results: z.array(z.object({ blob: z.string(), updatedAt: z.string() })) })
const results = z.array(z.object({ success: z.unknown() }).refine(({ success }) => success !== undefined))
/**
 * A transaction of parse-server holds a connection and takes others besides: with fewer than two for each request under way they come to
 * wait for each other, for ever.
 */
const connections = 70

/** parse-server on a database of its own in the Postgres that MedTime has. */
export async function parse(peers: Peers, directory: string, adminUrl: string): Promise<Contender> {
  await mkdir(directory)
  await withClient(adminUrl, (admin) => admin.query('CREATE DATABASE parse'))
  const database = new URL(adminUrl)
  database.pathname = '/parse'
  const databaseUrl = database.href
  const application = { id: randomUUID(), master: randomUUID() }
  const keys = { 'x-parse-application-id': application.id }
  const asMaster = { ...keys, 'x-parse-master-key': application.master }
  const config = join(directory, 'config.json')
  const pooled = new URL(databaseUrl)
  pooled.searchParams.set('poolSize', String(connections))
  const { address, pid, stop } = await launch({
    args: (port) => [peers.file('parse-server/bin/parse-server'), '--port', String(port), config],
    environment: () => ({ NODE_ENV: 'production' }),
    directory: await configured(),
    ready: '/parse/health',
  })
  await prepare()
  return {
    name: 'parse',
    version: peers.version('parse-server'),
    keeps: 'on disk',
    work: {
      knows: 'session token, an access list an object',
      commits: 'one transaction in Postgres',
      compares: 'versions in a trigger before saving, all or none',
      pulls: 'query by the time of the last change',
    },
    address,
    accounts: async (count) => {
      const accounts: Account[] = []
      for (let n = 0; n < count; n++) accounts.push(await signUp())
      return accounts
    },
    read: (answer) => read(answer).map(({ blob }) => blob),
    processes: async () => [pid, ...(await backends(adminUrl))],
    stop,
  }

  async function configured(): Promise<string> {
    const settings = {
      appId: application.id,
      masterKey: application.master,
      databaseURI: pooled.href,
      serverURL: 'http://127.0.0.1/parse',
      cloud: join(programs, 'parse-versions.cjs'),
      allowCustomObjectId: true,
      // As long as MedTime remembers a token.
      cacheTTL: 60_000,
      silent: true,
      logsFolder: null,
    }
    await writeFile(config, JSON.stringify(settings))
    return directory
  }

  /** The class as its owner would set it up, with the index its pull walks along. */
  async function prepare(): Promise<void> {
    const text = { type: 'String' }
    const signedIn = { requiresAuthentication: true }
    await json(`${address}/parse/schemas/Entity`, {
      method: 'POST',
      headers: asMaster,
      body: {
        className: 'Entity',
        fields: { owner: text, type: text, blob: text, version: { type: 'Number' } },
        classLevelPermissions: { find: signedIn, get: signedIn, create: signedIn, update: signedIn },
      },
    })
    await withClient(databaseUrl, (owner) => owner.query('CREATE INDEX ON "Entity" (owner, "updatedAt")'))
  }

  function read(answer: Uint8Array) {
    return page.parse(JSON.parse(Buffer.from(answer).toString('utf8'))).results
  }

  async function signUp(): Promise<Account> {
    const body = { username: randomUUID(), password: randomUUID() }
    const user = signedUp.parse(await json(`${address}/parse/users`, { method: 'POST', headers: keys, body }))
    return account(user.objectId, { ...keys, 'x-parse-session-token': user.sessionToken })
  }

  function account(user: string, headers: Record<string, string>): Account {
    const query = (limit: number, order: string, after?: string): ReturnType<Account['pull']> => {
      const since = after === undefined ? {} : { updatedAt: { $gt: { __type: 'Date', iso: after } } }
      const where = encodeURIComponent(JSON.stringify({ owner: user, ...since }))
      return {
        method: 'GET',
        path: `/parse/classes/Entity?where=${where}&order=${order}&limit=${limit}`,
        headers,
        body: undefined,
      }
    }
    const write = ({ id, version, blob }: Entity): { method: 'PUT' | 'POST'; path: string; body: object } => {
      const fields = { type: 'medication', version, blob: blob.base64 }
      if (version > 1) return { method: 'PUT', path: `/parse/classes/Entity/${id}`, body: fields }
      const created = { ...fields, objectId: id, owner: user, ACL: { [user]: { read: true, write: true } } }
      return { method: 'POST', path: '/parse/classes/Entity', body: created }
    }
    return {
      push: (entities) => {
        const [first, ...others] = entities.map(write)
        const asJson = { ...headers, 'content-type': 'application/json' }
        // One write is whole without a transaction.
        if (first && others.length === 0) {
          const { method, path, body } = first
          return { method, path, headers: asJson, body: JSON.stringify(body), yes: method === 'POST' ? 201 : 200 }
        }
        return {
          method: 'POST',
          path: '/parse/batch',
          headers: asJson,
          body: JSON.stringify({ requests: [first, ...others], transaction: true }),
          done: (answer) => void results.parse(JSON.parse(answer)),
        }
      },
      pull: (limit, after) => query(limit, 'updatedAt', after),
      now: async () => read(await settle(address, query(1, '-updatedAt')))[0]?.updatedAt ?? new Date(0).toISOString(),
    }
  }
}

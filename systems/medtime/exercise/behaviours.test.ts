import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Behaviour, Mutation } from 'aval'
import { withClient } from '../../../src/postgres/connection.ts'
import type { PreparedDatabase } from '../../../src/postgres/database.ts'
import { runCase } from '../../../src/prove/behaviour/run-case.ts'
import { seededRandom } from '../../../src/random.ts'
import plan from '../plan.ts'
import { migrate, startTestServer, type TestServer } from '../test/database.ts'
import { allBehaviours } from './behaviours/all.ts'
import { allMutations } from './mutations/all.ts'
import { people } from './people.ts'
import { type RunningService, startService } from './processes.ts'
import { allTrials } from './trials/all.ts'

/** The migrated database that every other is a copy of. */
const sound = 'sound'
let server: TestServer
let issuer: RunningService
before(async () => {
  const started = await Promise.all([startTestServer(), startService('issuer', {})])
  server = started[0]
  issuer = started[1]
  await migrate((await server.createDatabase(sound)).ownerUrl)
})
after(async () => {
  await Promise.all([server?.stop(), issuer?.stop()])
})

const cast = people({ salt: 'behaviours', issuer: () => issuer.address })
const cases = allBehaviours(cast)
const nowhere = () => {
  throw new Error('no trial runs here')
}
const trials = allTrials({
  address: nowhere,
  databaseUrl: nowhere,
  tokensOf: nowhere,
  newId: nowhere,
  now: nowhere,
  mutation: undefined,
})
const promised = ['api', 'accounts', 'catalog'].flatMap((service) =>
  Object.keys(plan.services?.[service]?.promises ?? {}).map((name) => `${service}/${name}`),
)
const limited = Object.entries(plan.limits ?? {}).flatMap(([name, { cases }]) =>
  cases === true ? [`limits/${name}`] : [],
)

/** Runs cases against services of their own over the database. */
async function failures(
  database: PreparedDatabase,
  selected: readonly Behaviour[],
  environment: Mutation['environment'] = {},
): Promise<string[]> {
  const running = new Map([['issuer', issuer]])
  const start = async (name: 'accounts' | 'api' | 'catalog', more: Readonly<Record<string, string>>) => {
    const databaseUrl = database.roleUrl(`medtime_${name}`)
    running.set(name, await startService(name, { DATABASE_URL: databaseUrl, ISSUER_URL: issuer.address, ...more }))
  }
  const addressOf = (service: string) => running.get(service)?.address ?? ''
  try {
    // Most cases do without accounts.
    const asked = new Set(selected.flatMap(({ exchanges }) => exchanges.map(({ service }) => service)))
    const withAccounts = asked.has('accounts')
    if (withAccounts) await start('accounts', { ACCOUNTS_KEY: Buffer.alloc(32, 9).toString('base64') })
    await start('api', { ...(withAccounts ? { ACCOUNTS_URL: addressOf('accounts') } : {}), ...environment['api'] })
    if (asked.has('catalog')) await start('catalog', environment['catalog'] ?? {})
    const context = {
      address: addressOf,
      credentials: async (alias: string) => ({ authorization: `Bearer ${await cast.token(alias)}` }),
    }
    const failed: string[] = []
    const waiting = selected.values()
    const work = async () => {
      for (const behaviour of waiting) {
        const { passed, id, failedAt, mismatches } = await runCase(behaviour, context)
        if (!passed) failed.push(`${id}, exchange ${failedAt}: ${mismatches.join('; ')}`)
      }
    }
    await Promise.all([work(), work(), work(), work()])
    return failed
  } finally {
    await Promise.all(['accounts', 'api', 'catalog'].map((name) => running.get(name)?.stop()))
  }
}

test('every promise has at least two cases, and every case belongs to one', () => {
  const all = [...promised, ...limited]
  assert.deepEqual([...new Set([...cases, ...trials].map(({ promise }) => promise))].sort(), all.toSorted())
  for (const promise of promised)
    assert.ok(cases.filter((behaviour) => behaviour.promise === promise).length >= 2, `${promise} has two cases`)
  const ids = [...cases, ...trials].map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length, 'ids are unique')
})

test('no two cases share a person', () => {
  const owners = new Map<string, string>()
  for (const { id, exchanges } of cases)
    for (const { as } of exchanges) {
      if (as === undefined) continue
      const user = cast.userId(as)
      assert.equal(owners.get(user) ?? id, id)
      owners.set(user, id)
    }
})

test('MedTime keeps its contract, case by case', async () => {
  // Hundreds of requests one after the other are left to `aval prove`.
  const short = cases.filter(({ promise, exchanges }) => !promise.startsWith('limits/') || exchanges.length <= 30)
  assert.deepEqual(await failures(await server.copyDatabase(sound, 'kept'), short), [])
})

test('every promise has a break', () => {
  const broken = new Set(allMutations.map(({ breaks }) => breaks))
  assert.deepEqual(
    promised.filter((promise) => !broken.has(`behaviour/${promise}`)),
    [],
  )
  assert.deepEqual(
    limited.filter((limit) => !broken.has(`${limit}/exact`)),
    [],
  )
})

// Each break starts services of its own. A run tries some, others each time; `aval prove medtime --self-test` tries all.
const tries = 16
const seed = Number(process.env['AVAL_SEED'] ?? Date.now() % 2 ** 31)

// Two at once: each waits for its services to start most of the time.
describe(`a broken MedTime is seen (seed ${seed})`, { concurrency: 2 }, () => {
  const alive = cases.filter(({ id }) => ['health/alive', 'health/ready', 'tokens-checked/sound'].includes(id))
  // What only requests bring to light that no case makes is for the self-test to try.
  const left = allMutations.filter(
    ({ breaks }) => breaks.startsWith('behaviour/') && !breaks.startsWith('behaviour/requests:'),
  )
  const random = seededRandom(seed)
  const chosen = Array.from({ length: tries }, () => left.splice(random.int(left.length), 1)).flat()
  for (const [index, mutation] of chosen.entries()) {
    test(`${mutation.id}: ${mutation.description}`, async () => {
      const selected = cases.filter(({ promise }) => `behaviour/${promise}` === mutation.breaks)
      const tried = [...new Set([...selected, ...alive])]
      const failed = await failures(await broken(mutation, index), tried, mutation.environment)
      assert.ok(failed.length > 0, `${mutation.breaks} is refuted`)
      const dead = failed.filter((failure) => alive.some(({ id }) => failure.startsWith(`${id},`)))
      assert.deepEqual(dead, [], 'the rest of the system works: it was not refuted for being down')
    })
  }

  test('the others apply to the present schema', async () => {
    const others = allMutations.filter((mutation) => !chosen.includes(mutation) && mutation.sql !== undefined)
    for (const [index, mutation] of others.entries()) await broken(mutation, chosen.length + index)
  })
})

async function broken(mutation: Mutation, index: number): Promise<PreparedDatabase> {
  const database = await server.copyDatabase(sound, `broken_${index}`)
  await withClient(database.ownerUrl, async (client) => {
    for (const statement of mutation.sql ?? []) await client.query(statement)
  })
  return database
}

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type S3Server, startS3Server } from '../../../test/s3-server/start-server.ts'
import { systemClock } from '../../clock.ts'
import type { Plan } from '../../plan/plan.ts'
import { readCapabilities } from './capabilities.ts'
import { capabilitiesFile, openPlanStore, type PlanStoreOptions } from './open-store.ts'
import { readText, text } from './store-contract.fixture.ts'

const common = { tiers: [], requirements: [] }
const stores: Plan['recovery']['stores'] = {
  primary: { kind: 'directory', ...common },
  second: { kind: 's3', location: 'SECOND_URL', ...common },
  apart: {
    kind: 's3',
    location: 'APART_URL',
    credentials: { accessKeyId: 'APART_ID', secretAccessKey: 'APART_KEY' },
    ...common,
  },
}

suite('a store that a plan names', () => {
  let state = ''
  let server: S3Server
  before(async () => {
    state = await mkdtemp(join(tmpdir(), 'aval-stores-'))
    server = await startS3Server({ conditions: 'ignored' })
  })
  after(async () => {
    await server.close()
    await rm(state, { recursive: true, force: true })
  })
  const open = (name: string, variables: Record<string, string>, more: Partial<PlanStoreOptions> = {}) =>
    openPlanStore({ system: 'shop', stores, name, variables, state, clock: systemClock, write: false, ...more })
  const keys = () => ({ AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey })

  test('lies in a directory of its own as long as its variable is not set', async () => {
    assert.equal((await open('primary', {})).place, join(state, 'repository'))
    assert.equal((await open('second', {})).place, join(state, 'stores', 'second'))
    assert.equal((await open('second', { SECOND_URL: '' })).place, join(state, 'stores', 'second'))
  })

  test('lies where its variable says', async () => {
    assert.equal((await open('second', { SECOND_URL: '/srv/copies' })).place, '/srv/copies')
    const bucket = await open('second', { ...keys(), SECOND_URL: server.location('shop') })
    assert.equal(bucket.place, `s3://aval-test/shop/ at ${server.url}`)
    const amazon = await open('second', { ...keys(), SECOND_URL: 's3://aval-copies/shop?region=us-west-2' })
    assert.equal(amazon.place, 's3://aval-copies/shop/ at https://aval-copies.s3.us-west-2.amazonaws.com')
  })

  test('is opened with the access key the plan names for it', async () => {
    const variables = { APART_URL: server.location('apart'), APART_ID: server.accessKeyId }
    await assert.rejects(open('apart', { ...keys(), ...variables }), /APART_KEY is not set/)
    const store = await open('apart', { ...variables, APART_KEY: server.secretAccessKey })
    await store.put('one', text('x'), { ifAbsent: true })
    await assert.rejects(open('second', { SECOND_URL: server.location() }), /AWS_ACCESS_KEY_ID is not set/)
  })

  test('is tried before the first write, and written to as it was found', async () => {
    const variables = { ...keys(), SECOND_URL: server.location('tried') }
    const first = await open('second', variables, { write: true })
    const found = await readCapabilities(capabilitiesFile(state, 'second'), first.place)
    assert.equal(found?.conditionalWrites, 'missing')
    const [one, two] = [first, await open('second', variables)]
    await one.put('key', text('first'), { ifAbsent: true })
    assert.equal((await two.put('key', text('second'), { ifAbsent: true })).outcome, 'exists')
    assert.equal(await readText(two, 'key'), 'first')
    const tries = server.requests().filter(({ key }) => key.includes('tried/probe/')).length
    await open('second', variables, { write: true })
    assert.equal(server.requests().filter(({ key }) => key.includes('tried/probe/')).length, tries)
  })

  test('that is named wrongly is refused with what to write instead, and no secret', async () => {
    await assert.rejects(open('third', {}), { code: 'STORE_UNKNOWN' })
    await assert.rejects(open('second', {}, { located: true }), { code: 'STORE_LOCATION_UNSET' })
    for (const location of [
      'copies',
      's3://UPPER/x',
      's3://bucket/.hidden/x',
      's3://bucket/x?profile=me',
      's3://bucket/x?endpoint=ftp://host',
      's3://AKIA:hunter2@bucket/x',
    ]) {
      await assert.rejects(
        open('second', { ...keys(), SECOND_URL: location }),
        (error) => {
          assert.match(String(error), /SECOND_URL cannot be used/)
          assert.doesNotMatch(JSON.stringify(error) + String(error), /hunter2/)
          return true
        },
        location,
      )
    }
  })
})

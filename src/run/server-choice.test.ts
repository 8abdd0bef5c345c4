import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AvalError } from '../errors.ts'
import { serverChoice } from './server-choice.ts'

const shop = { name: 'shop' }
const external = { external: 'SHOP_URL' }

test('an environment runs on the server its plan gives it, of the version asked for', () => {
  const servers = { development: 'installed', scratch: 'embedded' } as const
  assert.deepEqual(serverChoice(shop, { version: '16', servers }, 'development'), ['installed', { major: 16 }])
  assert.deepEqual(serverChoice(shop, { version: '>=15', servers }, 'scratch'), ['embedded', { minimum: 15 }])
})

test('scratch is like development unless the plan says otherwise', () => {
  const plan = { version: '>=15', servers: { development: 'installed' } } as const
  assert.deepEqual(serverChoice(shop, plan, 'scratch'), ['installed', { minimum: 15 }])
})

test('an external server of development is never what proofs run on', () => {
  const plan = { version: '>=15', servers: { development: external } }
  assert.deepEqual(serverChoice(shop, plan, 'scratch'), ['embedded', { minimum: 15 }])
})

test('a system whose environment is on an external server is not run, and that is said', () => {
  const refused = (error: unknown) => error instanceof AvalError && error.code === 'ENVIRONMENT_SERVER_EXTERNAL'
  const servers = { development: external, scratch: external }
  assert.throws(() => serverChoice(shop, { version: '>=15', servers }, 'development'), refused)
  assert.throws(() => serverChoice(shop, { version: '>=15', servers }, 'scratch'), refused)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlan } from '../plan/plan.ts'
import { type ServiceSetting, serviceEnvironment } from './service-environment.ts'

function setting(changes: Partial<ServiceSetting> = {}): ServiceSetting {
  const parsed = parsePlan({
    system: 'shop',
    services: { api: { command: ['node', 'api.ts'], environment: { MODE: 'plan', TZ: 'Europe/Madrid' } } },
  })
  assert.ok('plan' in parsed)
  const entry = parsed.plan.services['api']
  assert.ok(entry && 'command' in entry)
  return {
    system: 'shop',
    service: 'api',
    environment: 'development',
    host: '127.0.0.1',
    port: 4000,
    entry,
    addresses: new Map([['push-relay', 'http://127.0.0.1:4001']]),
    databaseUrl: 'postgresql://shop_api@127.0.0.1/shop',
    extra: {},
    ...changes,
  }
}

test('a service gets its place, its database, what it needs and what its plan says', () => {
  assert.deepEqual(
    serviceEnvironment(setting(), { PATH: '/bin', HOME: '/home/ana', LANG: 'C.UTF-8', NODE_COMPILE_CACHE: '/c' }),
    {
      PATH: '/bin',
      HOME: '/home/ana',
      LANG: 'C.UTF-8',
      NODE_COMPILE_CACHE: '/c',
      TZ: 'Europe/Madrid',
      HOST: '127.0.0.1',
      PORT: '4000',
      AVAL_SYSTEM: 'shop',
      AVAL_SERVICE: 'api',
      AVAL_ENVIRONMENT: 'development',
      DATABASE_URL: 'postgresql://shop_api@127.0.0.1/shop',
      PUSH_RELAY_URL: 'http://127.0.0.1:4001',
      MODE: 'plan',
    },
  )
})

test('nothing else of whoever runs Aval reaches it', () => {
  const inherited = { PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'secret', NODE_OPTIONS: '--inspect', DATABASE_URL: 'theirs' }
  const environment = serviceEnvironment(setting({ databaseUrl: undefined }), inherited)
  for (const name of ['AWS_SECRET_ACCESS_KEY', 'NODE_OPTIONS', 'DATABASE_URL']) assert.ok(!(name in environment), name)
})

test('what the caller adds wins over the plan', () => {
  assert.equal(serviceEnvironment(setting({ extra: { MODE: 'broken' } }))['MODE'], 'broken')
})

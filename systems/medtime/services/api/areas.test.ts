import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAreas } from './areas.ts'
import type { Database } from './database.ts'
import { createMetrics } from './http/metrics.ts'
import { routerPath } from './http/route.ts'
import { readMessagesSettings } from './messages/settings.ts'
import { createServer } from './server.ts'

const unused = () => Promise.reject(new Error('nothing is asked of the database here'))
const database: Database = {
  run: unused,
  transaction: unused,
  ready: unused,
  waiting: () => 0,
  close: () => Promise.resolve(),
}

test('what is described is served, and nothing else', async () => {
  const metrics = createMetrics(() => 0)
  const areas = createAreas({ database, metrics, messages: readMessagesSettings({}), now: () => 0 })
  const tokens = { check: unused }
  const log = { info: () => undefined, error: () => undefined }
  const server = createServer({
    areas,
    tokens,
    metrics,
    log,
    bodyLimit: 1_024,
    limiter: { take: unused },
    trustedProxies: [],
    exempt: () => false,
  })
  const served: string[] = []
  server.addHook('onRoute', ({ method, url }) => {
    // The framework adds HEAD beside every GET.
    if (method !== 'HEAD') served.push(`${String(method)} ${url}`)
  })
  await server.ready()
  const described = areas.flatMap(({ routes }) =>
    Object.values(routes).map((route) => `${route.method} ${routerPath(route)}`),
  )
  assert.deepEqual(served.sort(), described.sort())
  await server.close()
})

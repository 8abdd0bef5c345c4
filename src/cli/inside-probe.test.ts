import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlan } from '../plan/plan.ts'
import { isInside } from './inside-probe.ts'

test('a probe is inside that asks what runs on this machine', () => {
  const inside = {
    service: { http: '/health', service: 'api', every: '1m' },
    local: { http: 'http://127.0.0.1:8080/health', every: '1m' },
    database: { sql: 'SELECT 1', every: '1m' },
    job: { heartbeat: '1d', every: '1h' },
    port: { tcp: 'localhost:5432', every: '1m' },
    loopback: { tls: '[::1]:443', every: '1m' },
  }
  const outside = {
    page: { http: 'https://shop.example.org/', every: '1m' },
    certificate: { tls: 'shop.example.org:443', every: '1m' },
    mail: { tcp: 'mail.example.org:25', every: '1m' },
    likeLocal: { tcp: '127.example.org:25', every: '1m' },
  }
  const services = { api: { command: ['node', 'api.ts'] } }
  const parsed = parsePlan({ system: 'shop', services, probes: { ...inside, ...outside } })
  assert.ok('plan' in parsed, JSON.stringify(parsed))
  const found = Object.entries(parsed.plan.probes).flatMap(([name, probe]) => (isInside(probe) ? [name] : []))
  assert.deepEqual(found, Object.keys(inside))
})

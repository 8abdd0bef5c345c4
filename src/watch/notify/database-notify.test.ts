import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { systemClock } from '../../clock.ts'
import { findBinaries } from '../../postgres/binaries.ts'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import { temporaryPlace } from '../../postgres/place.ts'
import { alertOf, noticeOn, pagerFor, planWith } from './pager.fixture.ts'

test('whoever listens on the channel of the database is told; while it is down the notice waits', async (t) => {
  const place = await temporaryPlace('aval-test')
  t.after(() => place.remove())
  const server = await startServer({
    dataDirectory: join(place.path, 'data'),
    binaries: await findBinaries('embedded'),
    clock: systemClock,
  })
  let running = true
  t.after(async () => {
    if (running) await server.stop()
  })
  const plan = planWith({ 'system-alerts': { kind: 'notify', reaches: 'listeners of the database' } })
  const { pager, clock } = pagerFor(t, { plan, variables: { SYSTEM_ALERTS_DATABASE: server.url() }, timeoutMs: 5_000 })
  const said = z.object({
    id: z.string(),
    text: z.string(),
    status: z.string(),
    alerts: z.array(z.unknown()).optional(),
  })

  const payloads = await withClient(server.url(), async (client) => {
    const heard: z.infer<typeof said>[] = []
    const two = Promise.withResolvers<void>()
    client.on('notification', ({ channel, payload }) => {
      assert.equal(channel, 'system_alerts')
      heard.push(said.parse(JSON.parse(payload ?? '')))
      if (heard.length === 2) two.resolve()
    })
    await client.query('LISTEN system_alerts')
    pager.accept(noticeOn('system-alerts'))
    const many = Array.from({ length: 60 }, (_, index) => alertOf({ id: `alert ${index}` }))
    pager.accept(noticeOn('system-alerts', many, 'many'))
    assert.equal((await pager.work()).delivered, 2)
    await two.promise
    return heard
  })
  assert.deepEqual(
    payloads.map(({ status, alerts }) => [status, alerts?.length]),
    [
      ['firing', 1],
      ['firing', undefined],
    ],
  )
  assert.match(payloads[1]?.text ?? '', /^\[FIRING\] critical · shop: errors_high: Requests fail \(and 59 more\)/)

  await server.stop()
  running = false
  clock.move(1_000)
  pager.accept(noticeOn('system-alerts', [alertOf({ id: 'later' })], 'later'))
  assert.equal((await pager.work()).delivered, 0)
  assert.equal(pager.waiting().length, 1)
})

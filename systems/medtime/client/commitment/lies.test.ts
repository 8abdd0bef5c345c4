import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { serverDouble } from '../server-double.ts'
import { createSyncClient } from '../sync-client.ts'
import { markType } from './mark.ts'

/*
 * Whatever part of the rows a server leaves out, or shows in an older version, a new device that was handed a mark notices. One thing is
 * no lie: a deletion of what is not shown either.
 */

const user = '3f0c1a52-0000-4000-8000-000000000001'
const writes = fc.array(
  fc.record({
    device: fc.nat({ max: 2 }),
    what: fc.constantFrom('new', 'new', 'change', 'remove'),
    which: fc.nat(),
    syncs: fc.boolean(),
  }),
  { minLength: 1, maxLength: 25 },
)

interface Row {
  id: string
  version: number
  deleted: boolean
  entity_type: string
}

interface Page {
  entities: Row[]
}

test('no part of a history can be left out or set back unnoticed', async () => {
  await fc.assert(
    fc.asyncProperty(writes, fc.infiniteStream(fc.constantFrom('show', 'show', 'drop', 'old')), async (acts, lots) => {
      const server = serverDouble(7)
      const older = new Map<string, Row>()
      const device = (name: string, lie?: (row: Row) => Row[]) =>
        createSyncClient({
          address: 'http://server.test',
          token: async () => 'token',
          user,
          device: name,
          masterKeys: [new Uint8Array(32).fill(7)],
          clock: { now: () => 0, sleep: async () => {} },
          random: () => 0.5,
          marks: { everyMs: 0 },
          fetch: async (input, init) => {
            for (const [id, row] of server.rows()) older.set(`${id} ${row.version}`, row)
            const response = await server.fetch(input, init)
            if (lie === undefined || !String(input).includes('/sync/pull')) return response
            const page: Page & Record<string, unknown> = await response.json()
            return Response.json({ ...page, entities: page.entities.flatMap(lie) })
          },
        })
      const devices = ['phone', 'tablet', 'laptop'].map((name) => device(name))
      const ids: string[] = []
      for (const act of acts) {
        const client = devices[act.device]
        const known = ids[act.which % Math.max(1, ids.length)]
        if (act.what === 'new' || known === undefined) {
          const id = randomUUID()
          ids.push(id)
          await client?.put('dose', id, Uint8Array.of(act.which % 256))
        } else if (act.what === 'change')
          await client?.put('dose', known, Uint8Array.of(act.which % 256)).catch(() => undefined)
        else await client?.remove('dose', known).catch(() => undefined)
        if (act.syncs) await client?.sync()
      }
      for (let round = 0; round < 4; round++) {
        for (const client of devices) {
          await client.sync()
          for (const { id } of await client.conflicts()) await client.resolve(id, 'mine').catch(() => undefined)
        }
      }
      const handed = (await devices[0]?.exportMark()) ?? ''

      const choices = lots[Symbol.iterator]()
      let lied = false
      const decided = new Map<string, Row[]>()
      const fresh = device('fresh', (row) => {
        const known = decided.get(row.id)
        if (known !== undefined) return known
        const lot = choices.next().value
        const old = older.get(`${row.id} ${row.version - 1}`)
        const shown = lot === 'drop' ? [] : lot === 'old' && old !== undefined ? [old] : [row]
        if (shown[0] !== row && !(shown.length === 0 && row.deleted)) lied = true
        decided.set(row.id, shown)
        return shown
      })
      assert.equal(await fresh.adoptMark(handed), true)
      const { warnings } = await fresh.sync()
      assert.equal(
        warnings.length > 0,
        lied,
        JSON.stringify([...decided.values()].flat().filter((row) => row.entity_type !== markType)),
      )
    }),
    { numRuns: Number(process.env['AVAL_PROPERTY_RUNS'] ?? 30) },
  )
})

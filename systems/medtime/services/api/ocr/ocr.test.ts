import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { withClient } from '../../../../../src/postgres/connection.ts'
import { createOcrClient } from '../../../client/ocr/ocr-client.ts'
import { startSystem, type TestSystem } from '../../../test/system.ts'
import { drawText } from './drawn-text.ts'
import { greyPng } from './grey-png.ts'

let system: TestSystem

before(async () => {
  system = await startSystem()
})
after(() => system.stop())

const clientOf = (user: string) =>
  createOcrClient({ address: () => system.api, token: () => system.token(user), fetch })

async function rowsOf(user: string) {
  return withClient(system.adminUrl, async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(
      `SELECT *, completed_at >= created_at AS ordered FROM srv_ocr_requests WHERE user_id = $1 ORDER BY created_at`,
      [user],
    )
    return rows
  })
}

test('a prescription goes there sealed and comes back read, and the row says only that it was', async () => {
  const user = randomUUID()
  const image = greyPng(
    drawText(['1. Paracetamol 500 mg tabletas', 'tomar 1 tableta cada 8 horas por 7 dias', 'si dolor']),
  )
  const { text, medicines } = await clientOf(user).read(image)
  const [medicine] = medicines
  assert.equal(medicines.length, 1, text)
  assert.deepEqual(
    [medicine?.drug.text, medicine?.strength?.text, medicine?.form?.value, medicine?.dose?.text],
    ['Paracetamol', '500 mg', 'tablet', '1 tableta'],
  )
  assert.deepEqual(medicine?.asNeeded?.value, { reason: 'dolor' })
  assert.deepEqual(medicine?.drug.doubts, ['no-catalog'])
  const [row] = await rowsOf(user)
  assert.deepEqual(Object.keys(row ?? {}).sort(), [
    'completed_at',
    'created_at',
    'error_code',
    'id',
    'ordered',
    'status',
    'user_id',
  ])
  assert.deepEqual([row?.['status'], row?.['error_code'], row?.['ordered']], ['done', null, true])
  assert.ok(!system.log().toLowerCase().includes('paracetamol'))
})

import assert from 'node:assert/strict'
import { hash, randomBytes, randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { Client } from 'pg'
import { migrate, startTestServer, type TestServer } from '../../../test/database.ts'
import { type Database, openDatabase } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import { readBatch } from './batch.ts'
import { pushesTogether } from './pushes-together.ts'
import { type Push, type PushOutcome, writeAlone, writeTogether } from './write.ts'

const quota = 1_000_000

function pushOf(user: string, blobs: readonly Uint8Array[], ids: readonly string[] = []): Push {
  const { batch } = readBatch(
    blobs.map((blob, index) => ({
      id: ids[index] ?? randomUUID(),
      entity_type: 'dose',
      version: 1,
      deleted: false,
      key_id: 'k"{,}\\',
      encrypted_blob: Buffer.from(blob).toString('base64'),
      checksum: hash('sha256', blob, 'hex'),
    })),
  )
  return { user, device: 'NULL', now: new Date(), epoch: undefined, batch, quota }
}

describe('pushes in one transaction', () => {
  let server: TestServer
  let database: Database
  let admin: Client
  before(async () => {
    server = await startTestServer()
    const { ownerUrl, adminUrl, roleUrl } = await server.createDatabase('together')
    await migrate(ownerUrl)
    database = openDatabase({
      url: roleUrl('medtime_api'),
      poolSize: 4,
      onStatement: () => undefined,
      onLostConnection: () => undefined,
    })
    admin = new Client({ connectionString: adminUrl })
    await admin.connect()
  })
  after(async () => {
    await admin.end()
    await database.close()
    await server.stop()
  })

  const users = async (count: number): Promise<string[]> => {
    const made = Array.from({ length: count }, () => randomUUID())
    await admin.query('INSERT INTO srv_users (user_id) SELECT unnest($1::uuid[])', [made])
    return made
  }
  const blobsOf = async (user: string): Promise<Buffer[]> => {
    const { rows } = await admin.query<{ encrypted_blob: Buffer }>(
      'SELECT encrypted_blob FROM srv_encrypted_entities WHERE user_id = $1 ORDER BY sequence',
      [user],
    )
    return rows.map(({ encrypted_blob: blob }) => blob)
  }

  test('are each answered and stored as they would be alone', async () => {
    const blobs = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat({ max: 3 }), blobs), { minLength: 1, maxLength: 8 }), async (shape) => {
        const [ones, others] = [await users(4), await users(4)]
        const pushesFor = (whose: readonly string[]) => shape.map(([at, each]) => pushOf(whose[at] ?? '', each))
        const shared = await writeTogether(database.run, pushesFor(ones))
        const single: PushOutcome[] = []
        for (const push of pushesFor(others)) single.push(await writeAlone(database.run, push, false))
        assert.deepEqual(shared, single)
        for (const [index, user] of ones.entries()) {
          assert.deepEqual(await blobsOf(user), await blobsOf(others[index] ?? ''))
        }
      }),
      { numRuns: 12 },
    )
  })

  test('do not share a conflict, a full quota or an epoch that has passed', async () => {
    const [calm = '', torn = '', full = '', late = ''] = await users(4)
    const first = pushOf(torn, [randomBytes(9)])
    await writeAlone(database.run, first, false)
    const outcomes = await writeTogether(database.run, [
      pushOf(torn, [randomBytes(9)], first.batch.ids),
      { ...pushOf(full, [randomBytes(9)]), quota: 8 },
      { ...pushOf(late, [randomBytes(9)]), epoch: 77 },
      pushOf(calm, [Buffer.from('kept')]),
    ])
    assert.deepEqual(
      outcomes.map((outcome) => [outcome?.conflicts.length, outcome?.needed, outcome?.sequence, outcome?.held]),
      [
        [1, undefined, 1, 9],
        [0, 9, 0, 0],
        [0, undefined, 0, 0],
        [0, undefined, 1, 4],
      ],
    )
    assert.deepEqual(await blobsOf(calm), [Buffer.from('kept')])
    assert.deepEqual([await blobsOf(full), await blobsOf(late)], [[], []])
  })

  test('pass over a user who is new, and one for whom somebody writes just now', async () => {
    const [locked = '', free = ''] = await users(2)
    await admin.query('BEGIN')
    try {
      await admin.query('SELECT FROM srv_users WHERE user_id = $1 FOR NO KEY UPDATE', [locked])
      const outcomes = await writeTogether(
        database.run,
        [locked, free, randomUUID()].map((user) => pushOf(user, [randomBytes(5)])),
      )
      assert.deepEqual(
        outcomes.map((outcome) => outcome?.sequence),
        [undefined, 1, undefined],
      )
    } finally {
      await admin.query('ROLLBACK')
    }
  })

  test('see rows of nobody but the user each is for', async () => {
    const [one = '', other = ''] = await users(2)
    const ofOne = pushOf(one, [randomBytes(5)])
    const [first, second] = await writeTogether(database.run, [ofOne, pushOf(other, [randomBytes(6)], ofOne.batch.ids)])
    assert.deepEqual([first?.conflicts, second?.conflicts, second?.held], [[], [], 6])
    assert.deepEqual([(await blobsOf(one)).length, (await blobsOf(other)).length], [1, 1])
  })
})

describe('pushes that come at once', () => {
  const outcome = (sequence: number): PushOutcome => ({ epoch: 1, sequence, conflicts: [], held: 0, needed: undefined })
  const sizeOf = ({ batch }: Push) => batch.blobs.length
  const sized = (bytes: number) => pushOf(randomUUID(), [Buffer.alloc(bytes)])

  test('go together, but for the large', async () => {
    const calls: number[] = []
    const push = pushesTogether({
      alone: async (each) => outcome(sizeOf(each)),
      together: async (pushes) => {
        calls.push(pushes.length)
        return pushes.map((each) => outcome(sizeOf(each)))
      },
    })
    const sizes = [...Array.from({ length: 40 }, (_, index) => index + 1), 70_000]
    const outcomes = await Promise.all(sizes.map((size) => push(sized(size))))
    assert.deepEqual(
      outcomes.map(({ sequence }) => sequence),
      sizes,
    )
    assert.deepEqual(calls, [32, 8])
  })

  test('do not wait for those that were sent alone', async () => {
    const push = pushesTogether({
      alone: () => new Promise(() => undefined),
      together: async (pushes) => pushes.map(() => outcome(3)),
    })
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    for (let stuck = 0; stuck < 2; stuck++) {
      void push(sized(1))
      await turn()
      await turn()
    }
    assert.equal((await push(sized(1))).sequence, 3)
  })

  test('are written alone where they were passed over, and where all of them failed for one', async () => {
    const poor = sized(5)
    const push = pushesTogether({
      alone: async (each) => {
        if (each === poor) throw new ApiError('UNAUTHENTICATED')
        return outcome(1)
      },
      together: async (pushes) => {
        if (pushes.includes(poor)) throw new ApiError('UNAUTHENTICATED')
        return pushes.map((each) => (sizeOf(each) === 1 ? undefined : outcome(2)))
      },
    })
    const settled = await Promise.allSettled([sized(7), poor, sized(8)].map(push))
    assert.deepEqual(
      settled.map((each) => (each.status === 'fulfilled' ? each.value.sequence : each.reason.code)),
      [1, 'UNAUTHENTICATED', 1],
    )
    assert.deepEqual(
      (await Promise.all([sized(1), sized(9)].map(push))).map(({ sequence }) => sequence),
      [1, 2],
    )
  })
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, suite, test } from 'node:test'
import { type S3Server, type S3ServerOptions, startS3Server } from '../../../../test/s3-server/start-server.ts'
import { AvalError } from '../../../errors.ts'
import { secret } from '../../../secrets/secret.ts'
import { probeStore } from '../capabilities.ts'
import type { ByteStream, Store } from '../store.ts'
import { keepsTheContract, keysOf, readText, text } from '../store-contract.fixture.ts'
import { impatientClock, storeOn } from './s3.fixture.ts'

const mebi = 2 ** 20
/** Three parts of the smallest size, the last one short. */
const large = randomBytes(12 * mebi)

async function* inChunks(bytes: Uint8Array, size = 300_000): ByteStream {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function readBytes(store: Store, key: string): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of (await store.get(key)) ?? []) parts.push(part)
  return Buffer.concat(parts)
}

suite('a store in S3', () => {
  let server: S3Server
  before(async () => {
    server = await startS3Server()
  })
  after(() => server.close())

  suite('keeps the contract of stores', () => {
    let store: Store
    before(() => {
      store = storeOn(server, {}, 'contract')
    })
    keepsTheContract(() => store)
  })

  suite('keeps it where pages are short', () => {
    let poor: S3Server
    let store: Store
    before(async () => {
      poor = await startS3Server({ pageSize: 2 })
      store = storeOn(poor, {}, 'short/pages')
    })
    after(() => poor.close())
    keepsTheContract(() => store)
  })

  test('sends what is larger than a part in parts, each with its checksum', async () => {
    const store = storeOn(server)
    assert.deepEqual(await store.put('large', inChunks(large), { ifAbsent: true }), {
      outcome: 'stored',
      size: large.length,
    })
    assert.ok((await readBytes(store, 'large')).equals(large))
    const sizes = server.requests().filter(({ operation, key }) => operation === 'UploadPart' && key === 'shop/large')
    assert.deepEqual(sizes.map(({ bytes }) => bytes).sort(), [2 * mebi, 5 * mebi, 5 * mebi])
    assert.match(server.held.current('shop/large')?.headers['x-amz-checksum-sha256'] ?? '', /-3$/)
  })

  test('an object of exactly one part, or of two, is neither cut short nor followed by an empty part', async () => {
    const store = storeOn(server)
    for (const parts of [1, 2]) {
      const bytes = large.subarray(0, parts * 5 * mebi)
      await store.put(`exact/${parts}`, inChunks(bytes), { ifAbsent: true })
      assert.ok((await readBytes(store, `exact/${parts}`)).equals(bytes))
    }
    const sent = server.requests().filter(({ operation, key }) => operation === 'UploadPart' && key.includes('exact'))
    assert.deepEqual(
      sent.map(({ bytes }) => bytes),
      [5 * mebi, 5 * mebi],
    )
  })

  test('a large object never replaces another, and its parts are given back', async () => {
    const store = storeOn(server)
    await store.put('taken', text('first'), { ifAbsent: true })
    assert.equal((await store.put('taken', inChunks(large), { ifAbsent: true })).outcome, 'exists')
    assert.equal(await readText(store, 'taken'), 'first')
    assert.deepEqual(server.held.uploads(), [])
  })

  test('reads ahead of what is sent by four parts at most', async () => {
    const store = storeOn(server, {}, 'memory')
    const lift = server.fault({ kind: 'slow', on: ['UploadPart'], ms: 30 })
    let furthest = 0
    async function* counted(): ByteStream {
      let given = 0
      for (let part = 0; part < 40; part++) {
        yield large.subarray(0, mebi)
        given += mebi
        const [upload] = server.held.uploads()
        const arrived = [...(upload?.parts.values() ?? [])].reduce((sum, { body }) => sum + body.length, 0)
        furthest = Math.max(furthest, given - arrived)
      }
    }
    await store.put('forty', counted(), { ifAbsent: true })
    lift()
    assert.ok(furthest <= 4 * 5 * mebi + mebi, `${furthest} bytes were ahead`)
    assert.ok(furthest > 2 * 5 * mebi, 'parts went one by one')
  })

  test('an upload whose source fails is aborted', async () => {
    const store = storeOn(server)
    async function* failing(): ByteStream {
      yield* inChunks(large.subarray(0, 11 * mebi))
      throw new Error('the source broke')
    }
    await assert.rejects(store.put('failing', failing(), { ifAbsent: true }), /the source broke/)
    assert.equal(await store.stat('failing'), undefined)
    assert.deepEqual(server.held.uploads(), [])
  })

  test('uploads of a writer that died are aborted after a day, younger ones are not', async () => {
    const [fresh, old] = [server.held.begin('sweep/fresh', {}, false), server.held.begin('sweep/old', {}, false)]
    old.initiated -= 25 * 3_600_000
    await storeOn(server, {}, 'sweep').put('any', text('x'), { ifAbsent: true })
    assert.deepEqual(
      server.held.uploads().map(({ id }) => id),
      [fresh.id],
    )
    server.held.abort('sweep/fresh', fresh.id)
  })
})

/** Runs a test against a server and a store of its own. */
function on(options: S3ServerOptions, run: (server: S3Server, store: Store) => Promise<void>) {
  return async () => {
    const server = await startS3Server(options)
    try {
      await run(server, storeOn(server))
    } finally {
      await server.close()
    }
  }
}

suite('a store in S3 survives', () => {
  for (const kind of ['slow-down', 'internal-error', 'reset', 'slow'] as const) {
    test(
      `${kind}, now and then, at every operation`,
      on({}, async (server, store) => {
        for (const operation of [
          'PutObject',
          'CreateUpload',
          'UploadPart',
          'CompleteUpload',
          'GetObject',
          'HeadObject',
          'ListObjects',
          'DeleteObject',
        ] as const) {
          server.fault({ kind, on: [operation], times: 2, ms: 10 })
        }
        assert.equal((await store.put('small', text('hello'), { ifAbsent: true })).outcome, 'stored')
        assert.equal((await store.put('large', inChunks(large), { ifAbsent: true })).outcome, 'stored')
        assert.equal((await store.stat('small'))?.size, 5)
        assert.ok((await readBytes(store, 'large')).equals(large))
        assert.deepEqual(await keysOf(store, ''), ['large', 'small'])
        await store.delete('small')
        assert.deepEqual(await keysOf(store, ''), ['large'])
        assert.deepEqual(server.held.uploads(), [])
      }),
    )
  }

  test(
    'a part that fails is sent again alone',
    on({}, async (server, store) => {
      server.fault({ kind: 'internal-error', on: ['UploadPart'], times: 1, after: 1 })
      await store.put('large', inChunks(large), { ifAbsent: true })
      assert.equal(server.requests().filter(({ operation }) => operation === 'UploadPart').length, 4)
      assert.equal(server.requests().filter(({ operation }) => operation === 'CreateUpload').length, 1)
    }),
  )

  for (const kind of ['answer-lost', 'failed-after'] as const) {
    test(
      `a write whose success was not heard of (${kind}) is no conflict`,
      on({}, async (server, store) => {
        server.fault({ kind, on: ['PutObject'], times: 1 })
        assert.deepEqual(await store.put('small', text('mine'), { ifAbsent: true }), { outcome: 'stored', size: 4 })
        server.fault({ kind, on: ['CompleteUpload'], times: 1 })
        assert.deepEqual(await store.put('large', inChunks(large), { ifAbsent: true }), {
          outcome: 'stored',
          size: large.length,
        })
        assert.ok((await readBytes(store, 'large')).equals(large))
        server.fault({ kind, on: ['DeleteObject'], times: 1 })
        await store.delete('small')
      }),
    )
  }

  test(
    'an answer lost on the way to a real conflict is a conflict',
    on({}, async (server, store) => {
      await store.put('key', text('theirs'), { ifAbsent: true })
      server.fault({ kind: 'answer-lost', on: ['PutObject'], times: 1 })
      assert.equal((await store.put('key', text('mine'), { ifAbsent: true })).outcome, 'exists')
      assert.equal(await readText(store, 'key'), 'theirs')
    }),
  )

  test(
    'a conflict with a writer that went away again',
    on({}, async (server, store) => {
      server.fault({ kind: 'conflict', on: ['PutObject'], times: 2 })
      assert.equal((await store.put('small', text('mine'), { ifAbsent: true })).outcome, 'stored')
    }),
  )

  test(
    'a conflict at the end of an upload, which the service gives up: nothing is there, and the caller hears of it',
    on({}, async (server, store) => {
      server.fault({ kind: 'conflict', on: ['CompleteUpload'], times: 1 })
      const put = () => store.put('large', inChunks(large), { ifAbsent: true })
      await assert.rejects(put(), { code: 'STORE_REFUSED' })
      assert.deepEqual([server.held.keys(), server.held.uploads()], [[], []])
      assert.equal((await put()).outcome, 'stored')
    }),
  )

  test(
    'an end of an upload that fails after its 200',
    on({}, async (server, store) => {
      server.fault({ kind: 'error-in-body', times: 1 })
      assert.equal((await store.put('large', inChunks(large), { ifAbsent: true })).outcome, 'stored')
    }),
  )

  test(
    'bodies that are cut off, by reading on where they ended',
    on({}, async (server, store) => {
      await store.put('large', inChunks(large), { ifAbsent: true })
      server.fault({ kind: 'truncated', times: 3 })
      assert.ok((await readBytes(store, 'large')).equals(large))
      assert.equal(server.requests().filter(({ operation }) => operation === 'GetObject').length, 4)
    }),
  )

  test(
    'an object replaced between two pieces is not sewn together',
    on({}, async (server, store) => {
      await store.put('key', text('a'.repeat(1000)), { ifAbsent: true })
      server.fault({ kind: 'truncated', times: 1 })
      const reading = (await store.get('key')) ?? []
      await store.put('key', text('b'.repeat(1000)), { ifAbsent: false })
      const drain = async () => {
        for await (const part of reading) assert.ok(!Buffer.from(part).includes('b'))
      }
      await assert.rejects(drain(), { code: 'STORE_OBJECT_CHANGED' })
    }),
  )

  test(
    'listings that lag behind its own writes and removals',
    on({}, async (server, store) => {
      await store.put('old', text('x'), { ifAbsent: true })
      await store.put('gone', text('x'), { ifAbsent: true })
      server.fault({ kind: 'stale-listing', ms: 3_600_000 })
      await store.put('new', text('x'), { ifAbsent: true })
      await store.delete('gone')
      assert.deepEqual(await keysOf(store, ''), ['new', 'old'])
    }),
  )

  test(
    'pauses grow, differ, and come from the seed',
    on({}, async (server) => {
      const pauses = async () => {
        const clock = impatientClock()
        const lift = server.fault({ kind: 'slow-down', on: ['GetObject'], times: 5 })
        await storeOn(server, { clock }).get('none')
        lift()
        return clock.pauses
      }
      const [first, second] = [await pauses(), await pauses()]
      assert.deepEqual(first, second)
      assert.equal(first.length, 5)
      for (const [index, ms] of first.entries()) {
        assert.ok(ms >= 50 * 2 ** index && ms <= 100 * 2 ** index, `pause ${index}: ${ms}`)
      }
    }),
  )
})

suite('a store in S3 says what is wrong', () => {
  const put = (store: Store) => store.put('key', text('x'), { ifAbsent: true })
  /** The error of a call, which must tell a person what to do and no secret. */
  const refusedWith = async (work: Promise<unknown>, code: string, says: RegExp) => {
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof AvalError, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, says)
      assert.doesNotMatch(JSON.stringify(error) + error.message, /a\+secret/)
      return true
    })
  }

  test('nobody answers', async () => {
    const server = await startS3Server()
    await server.close()
    await refusedWith(put(storeOn(server)), 'STORE_UNREACHABLE', /127\.0\.0\.1.*ECONNREFUSED/)
  })

  test(
    'it never recovers',
    on({}, async (server, store) => {
      server.fault({ kind: 'slow-down' })
      await refusedWith(put(store), 'STORE_UNREACHABLE', /SlowDown/)
    }),
  )

  test(
    'nothing moves on a connection',
    on({}, async (server) => {
      server.fault({ kind: 'slow', ms: 5_000 })
      const retry = { attempts: 2, firstPauseMs: 1, longestPauseMs: 1 }
      await refusedWith(put(storeOn(server, { idleMs: 50, retry })), 'STORE_UNREACHABLE', /nothing came for 0.05 s/)
    }),
  )

  test(
    'wrong keys',
    on({}, async (server) => {
      const wrong = { accessKeyId: server.accessKeyId, secretAccessKey: secret('another') }
      await refusedWith(put(storeOn(server, { credentials: wrong })), 'STORE_DENIED', /SignatureDoesNotMatch/)
      const unknown = { accessKeyId: 'AKIAOTHER', secretAccessKey: secret(server.secretAccessKey) }
      await refusedWith(storeOn(server, { credentials: unknown }).get('key'), 'STORE_DENIED', /InvalidAccessKeyId/)
    }),
  )

  test(
    'a store that may only be read',
    on({}, async (server, store) => {
      await put(store)
      server.fault({ kind: 'read-only' })
      await refusedWith(store.put('other', text('x'), { ifAbsent: true }), 'STORE_DENIED', /write other/)
      await refusedWith(store.put('other', inChunks(large), { ifAbsent: true }), 'STORE_DENIED', /write other/)
      await refusedWith(store.delete('key'), 'STORE_DENIED', /remove key/)
      assert.equal(await readText(store, 'key'), 'x')
    }),
  )

  test(
    'a permission that is lost midway leaves no parts behind once they can be removed',
    on({}, async (server, store) => {
      server.fault({ kind: 'read-only', on: ['UploadPart'], after: 1 })
      await refusedWith(store.put('other', inChunks(large), { ifAbsent: true }), 'STORE_DENIED', /AccessDenied/)
      assert.deepEqual(server.held.uploads(), [])
    }),
  )

  test(
    'a quota used up, at once and midway',
    on({}, async (server, store) => {
      server.fault({ kind: 'full', on: ['PutObject'] })
      await refusedWith(put(store), 'STORE_FULL', /no room/)
      server.fault({ kind: 'full', on: ['UploadPart'], after: 2 })
      await refusedWith(store.put('large', inChunks(large), { ifAbsent: true }), 'STORE_FULL', /no room/)
      assert.deepEqual([server.held.uploads(), server.held.keys()], [[], []])
    }),
  )

  test(
    'no such bucket',
    on({}, async (server) => {
      const location = { ...parseLocation(server), address: `${server.url}/another-bucket`, bucket: 'another-bucket' }
      const store = storeOn(server, { location })
      await refusedWith(put(store), 'STORE_BUCKET_MISSING', /another-bucket/)
      await refusedWith(store.get('key'), 'STORE_BUCKET_MISSING', /another-bucket/)
    }),
  )

  test(
    'a clock that is wrong, and by how much',
    on({ now: () => Date.now() + 3_600_000 }, async (_, store) => {
      await refusedWith(put(store), 'STORE_CLOCK_WRONG', /differs from its own by/)
    }),
  )
})

suite('what a bucket can do is tried', () => {
  const probed = async (options: S3ServerOptions) => {
    const server = await startS3Server(options)
    try {
      const found = await probeStore(storeOn(server), impatientClock())
      assert.deepEqual(server.held.uploads(), [])
      assert.deepEqual(server.held.keys(), [])
      return found
    } finally {
      await server.close()
    }
  }

  test('the real service', async () => {
    const { conditionalWrites, checksums, versioning, lock } = await probed({ lockMs: 7 * 86_400_000 })
    assert.deepEqual(
      { conditionalWrites, checksums, versioning, lock },
      {
        conditionalWrites: 'enforced',
        checksums: 'verified',
        versioning: 'on',
        lock: { state: 'on', days: 7 },
      },
    )
  })

  test('services that are compatible in part', async () => {
    assert.equal((await probed({ conditions: 'ignored' })).conditionalWrites, 'missing')
    assert.equal((await probed({ conditions: 'refused' })).conditionalWrites, 'missing')
    assert.equal((await probed({ conditions: 'small-objects-only' })).conditionalWrites, 'small-objects-only')
    const { checksums, versioning, lock } = await probed({ checksums: 'ignored' })
    assert.deepEqual(
      { checksums, versioning, lock },
      { checksums: 'ignored', versioning: 'off', lock: { state: 'off' } },
    )
  })

  test(
    'where conditions are refused a look before the write stands in, without being told',
    on({ conditions: 'refused' }, async (_, store) => {
      assert.equal((await store.put('key', text('first'), { ifAbsent: true })).outcome, 'stored')
      assert.equal((await store.put('key', text('second'), { ifAbsent: true })).outcome, 'exists')
      assert.equal((await store.put('large', inChunks(large), { ifAbsent: true })).outcome, 'stored')
      assert.equal((await store.put('large', inChunks(large), { ifAbsent: true })).outcome, 'exists')
    }),
  )

  test(
    'where they are ignored, once that was found',
    on({ conditions: 'ignored' }, async (server) => {
      const store = storeOn(server, { conditionalWrites: 'missing' })
      assert.equal((await store.put('key', text('first'), { ifAbsent: true })).outcome, 'stored')
      assert.equal((await store.put('key', text('second'), { ifAbsent: true })).outcome, 'exists')
      assert.equal(await readText(store, 'key'), 'first')
    }),
  )
})

function parseLocation(server: S3Server) {
  const { bucket, region } = server
  return { bucket, region, prefix: 'shop/', address: `${server.url}/${bucket}` }
}

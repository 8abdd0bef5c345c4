import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startChild } from '../../../../../src/process.ts'
import { freePort } from '../../../../../src/run/free-port.ts'
import { connectRedis } from '../redis.ts'
import { createAnswerCache, keptSeconds, type SharedCache } from './answer-cache.ts'
import { presentVersion, versionAgeMs } from './present-version.ts'
import { redisAnswers } from './redis-answers.ts'

function cacheWith(options: { shared?: SharedCache; characters?: number } = {}) {
  const looked: string[] = []
  let time = 0
  let made = 0
  const cache = createAnswerCache({
    now: () => time,
    shared: options.shared,
    onLookUp: (outcome) => looked.push(outcome),
    ...(options.characters === undefined ? {} : { characters: options.characters }),
  })
  return {
    looked,
    made: () => made,
    pass: (seconds: number) => {
      time += seconds * 1000
    },
    ask: (key: string, answer = `answer ${key}`) =>
      cache.answer(key, async () => {
        made++
        return answer
      }),
  }
}

test('an answer is made once and kept for 24 hours', async () => {
  const { ask, made, pass, looked } = cacheWith()
  assert.equal(await ask('a'), 'answer a')
  pass(keptSeconds - 1)
  await ask('a')
  assert.equal(made(), 1)
  pass(1)
  await ask('a')
  assert.equal(made(), 2)
  assert.deepEqual(looked, ['miss', 'hit', 'miss'])
})

test('who asks while an answer is made waits for that one', async () => {
  const { ask, made } = cacheWith()
  await Promise.all([ask('a'), ask('a'), ask('a')])
  assert.equal(made(), 1)
})

test('what failed is not kept', async () => {
  const { ask } = cacheWith()
  const cache = createAnswerCache({ now: () => 0, shared: undefined, onLookUp: () => undefined })
  await assert.rejects(cache.answer('a', () => Promise.reject(new Error('down'))))
  assert.equal(await cache.answer('a', async () => 'up'), 'up')
  assert.equal(await ask('a'), 'answer a')
})

test('there is room for so much, and what was asked for longest ago goes first', async () => {
  const { ask, made } = cacheWith({ characters: 30 })
  for (const key of ['a', 'b', 'c']) await ask(key)
  await ask('a')
  await ask('d')
  assert.equal(made(), 4)
  await ask('a')
  assert.equal(made(), 4, 'a was asked for again and stayed')
  await ask('b')
  assert.equal(made(), 5, 'b went')
  await ask('x', 'y'.repeat(100))
  await ask('x', 'y'.repeat(100))
  assert.equal(made(), 7, 'what is larger than the room is not kept')
})

test('instances share what one of them made', async () => {
  const kept = new Map<string, string>()
  const shared: SharedCache = {
    get: async (key) => kept.get(key),
    set: async (key, answer, seconds) => {
      assert.equal(seconds, keptSeconds)
      kept.set(key, answer)
    },
  }
  const [one, other] = [cacheWith({ shared }), cacheWith({ shared })]
  await one.ask('a')
  assert.equal(await other.ask('a'), 'answer a')
  assert.deepEqual([one.made(), other.made(), other.looked], [1, 0, ['hit']])
})

test('the version of the catalog is asked for now and then, once for all who wait', async () => {
  let time = 0
  let asked = 0
  const present = presentVersion(
    async () => {
      asked++
      return asked
    },
    () => time,
  )
  assert.deepEqual(await Promise.all([present.get(), present.get()]), [1, 1])
  time += versionAgeMs - 1
  assert.equal(await present.get(), 1)
  time += 1
  assert.equal(await present.get(), 2)
  present.note(7)
  assert.equal(await present.get(), 7, 'an answer told of a later one')
})

test('while the database cannot be asked the last version is the present one, so that cached answers go on', async () => {
  let time = 0
  let down = true
  let asked = 0
  const present = presentVersion(
    async () => {
      asked++
      if (down) throw new Error('down')
      return 4
    },
    () => time,
  )
  await assert.rejects(present.get(), 'nothing is known yet')
  down = false
  assert.equal(await present.get(), 4)
  down = true
  time += versionAgeMs
  assert.equal(await present.get(), 4)
  assert.equal(await present.get(), 4)
  assert.equal(asked, 3, 'a database that is down is not asked for every answer')
})

test('a Redis that is not there is an empty cache, and soon', async () => {
  const client = await connectRedis(`redis://127.0.0.1:${await freePort()}`)
  const answers = redisAnswers(client)
  try {
    assert.equal(await answers.get('a'), undefined)
    await answers.set('a', 'b', 10)
  } finally {
    client.destroy()
  }
})

const program = ['redis-server', 'valkey-server'].find((name) => spawnSync(name, ['--version']).status === 0)
const reason = program === undefined ? 'neither redis-server nor valkey-server is installed' : false
test('Redis keeps an answer for its time, and is an empty cache once it is gone', { skip: reason }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'catalog-redis-'))
  const port = await freePort()
  const child = await startChild({
    program: program ?? '',
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    env: { PATH: process.env['PATH'], LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] },
  })
  const client = await connectRedis(`redis://127.0.0.1:${port}`)
  const answers = redisAnswers(client)
  try {
    const deadline = Date.now() + 10_000
    while ((await answers.get('á')) !== 'answer' && Date.now() < deadline) {
      await answers.set('á', 'answer', 100)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    assert.equal(await answers.get('á'), 'answer')
    assert.equal(await answers.get('other'), undefined)
    await child.stop({ signal: 'SIGKILL' })
    assert.equal(await answers.get('á'), undefined)
  } finally {
    client.destroy()
    await child.stop()
    await rm(folder, { recursive: true })
  }
})

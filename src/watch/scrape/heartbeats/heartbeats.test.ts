import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Clock } from '../../../clock.ts'
import { startChild } from '../../../process.ts'
import { startReceiver } from './receiver.ts'
import { openSilences, readSilence, type Silences } from './silences.ts'

const hour = 3_600_000

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'aval-heartbeats-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function heldClock(): Clock & { move(ms: number): void } {
  let nowMs = Date.UTC(2026, 1, 3)
  return {
    now: () => nowMs,
    sleep: async () => undefined,
    move: (ms) => {
      nowMs += ms
    },
  }
}

/** Closed after the test, unless the test did. */
function listening(t: TestContext, directory: string, clock: Clock, probes = ['nightly', 'weekly']): Silences {
  const silences = openSilences(directory, probes, clock)
  let isOpen = true
  const close = () => {
    if (isOpen) silences.close()
    isOpen = false
  }
  t.after(close)
  return { ...silences, close }
}

async function receiving(t: TestContext, silences: Silences, port?: number) {
  const receiver = await startReceiver(silences, port)
  t.after(() => receiver.stop())
  return {
    ...receiver,
    ping: async (name: string, options: RequestInit = {}) => (await fetch(`${receiver.url}/${name}`, options)).status,
  }
}

test('GET and POST of a name are signs of life of that job and of no other', async (t) => {
  const clock = heldClock()
  const silences = listening(t, await folder(t), clock)
  const { ping } = await receiving(t, silences)
  clock.move(hour)
  assert.equal(await ping('nightly'), 200)
  assert.deepEqual([silences.silentMs('nightly'), silences.silentMs('weekly')], [0, hour])
  clock.move(hour)
  assert.equal(await ping('weekly', { method: 'POST', body: 'x'.repeat(100_000) }), 200)
  assert.deepEqual([silences.silentMs('nightly'), silences.silentMs('weekly')], [hour, 0])
})

test('a misspelt name, another method and a browser are refused and count for nothing', async (t) => {
  const clock = heldClock()
  const silences = listening(t, await folder(t), clock)
  const { ping } = await receiving(t, silences)
  clock.move(hour)
  const page = { headers: { origin: 'https://elsewhere.example' } }
  const picture = { headers: { 'sec-fetch-site': 'cross-site' } }
  assert.deepEqual(
    [
      await ping('nightlly'),
      await ping('nightly/now'),
      await ping('nightly', { method: 'PUT' }),
      await ping('nightly', page),
      await ping('nightly', picture),
    ],
    [404, 404, 405, 403, 403],
  )
  assert.equal(silences.silentMs('nightly'), hour)
})

test('silence goes on over a restart, and the time in which nobody listened does not count', async (t) => {
  const clock = heldClock()
  const directory = await folder(t)
  const first = listening(t, directory, clock)
  clock.move(20 * hour)
  first.close()
  clock.move(48 * hour)
  const second = listening(t, directory, clock)
  assert.equal(second.silentMs('nightly'), 20 * hour)
  clock.move(5 * hour)
  assert.equal(second.silentMs('nightly'), 25 * hour)
  assert.equal(second.silentMs('unknown'), undefined)
})

test('whoever asks from outside hears how long it was silent, and nothing once nobody listens', async (t) => {
  const clock = heldClock()
  const directory = await folder(t)
  assert.equal(readSilence(directory, 'nightly', clock.now()), undefined)
  const silences = listening(t, directory, clock)
  clock.move(60_000)
  assert.equal(readSilence(directory, 'nightly', clock.now()), 60_000)
  assert.equal(readSilence(directory, 'unknown', clock.now()), undefined)
  silences.close()
  clock.move(hour)
  assert.equal(readSilence(directory, 'nightly', clock.now()), undefined)
})

test('the port that jobs know is taken again; when somebody has it, another', async (t) => {
  const clock = heldClock()
  const directory = await folder(t)
  const silences = listening(t, directory, clock)
  assert.equal(silences.port(), undefined)
  const { url, stop } = await startReceiver(silences, undefined)
  const port = Number(new URL(url).port)
  t.after(stop)
  silences.listensOn(port)
  const other = await receiving(t, silences, silences.port())
  assert.notEqual(other.url, url)
  assert.equal(await other.ping('nightly'), 200)
  await stop()
  const again = await receiving(t, silences, silences.port())
  assert.equal(again.url, url)
})

test('a sign of life that was answered outlives a kill', async (t) => {
  const directory = await folder(t)
  const script = `
    import { openSilences } from ${JSON.stringify(join(import.meta.dirname, 'silences.ts'))}
    import { startReceiver } from ${JSON.stringify(join(import.meta.dirname, 'receiver.ts'))}
    let nowMs = 1_000_000
    const clock = { now: () => nowMs, sleep: async () => undefined }
    const silences = openSilences(${JSON.stringify(directory)}, ['nightly'], clock)
    nowMs += 3_600_000
    silences.keep()
    const { url } = await startReceiver(silences, undefined)
    console.log(url)`
  const child = await startChild({ program: process.execPath, args: ['--input-type=module-typescript', '-e', script] })
  t.after(() => child.stop({ signal: 'SIGKILL' }))
  const url = await new Promise<string>((resolve, reject) => {
    child.process.stdout?.once('data', (chunk: Buffer) => resolve(String(chunk).trim()))
    void child.ended.then(({ code }) => reject(new Error(`the child ended with ${code}`)))
  })
  assert.equal(readSilence(directory, 'nightly', 4_600_000), 3_600_000)
  assert.equal((await fetch(`${url}/nightly`)).status, 200)
  await child.stop({ signal: 'SIGKILL' })
  assert.equal(readSilence(directory, 'nightly', 4_600_000), 0)
})

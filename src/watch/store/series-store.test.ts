import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Matcher } from '../../check/promql/parse.ts'
import { AvalError } from '../../errors.ts'
import type { Labels, Sample } from '../series.ts'
import { seriesKey } from '../series.ts'
import { realisticRounds } from './realistic-series.fixture.ts'
import { openSeriesStore, readSeriesStore } from './series-store.ts'

const dayMs = 86_400_000
const month = 30 * dayMs
const seed = 20_260_301

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'aval-series-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const named = (value: string): Matcher[] => [{ label: '__name__', op: '=', value }]
const all: Matcher[] = [{ label: '__name__', op: '!=', value: '' }]
const sample = (name: string, atMs: number, value: number, labels: Labels = {}): Sample => ({
  labels: { __name__: name, ...labels },
  atMs,
  value,
})
const sizeOf = (directory: string) =>
  readdirSync(directory).reduce((sum, file) => sum + statSync(join(directory, file)).size, 0)

describe('the store of series', () => {
  test('gives back what was appended, after the start and up to the end of a span', (t) => {
    const store = openSeriesStore(temporary(t), month)
    t.after(store.close)
    for (const at of [1000, 2000, 3000, 4000]) store.append([sample('up', at, at / 1000, { job: 'api' })])
    const [span] = [...store.select(named('up'), 1000, 3000)]
    assert.deepEqual(span?.labels, { __name__: 'up', job: 'api' })
    assert.deepEqual([...(span?.timesMs ?? [])], [2000, 3000])
    assert.deepEqual([...(span?.values ?? [])], [2, 3])
    assert.deepEqual([...store.select(named('up'), 4000, Infinity)], [])
    assert.deepEqual([...store.select(named('down'), 0, Infinity)], [])
  })

  test('whatever is appended over hours and openings comes back as from a plain list', () => {
    const steps = fc.array(
      fc.record({
        series: fc.nat(3),
        afterMs: fc.oneof(fc.integer({ min: -30_000, max: 60_000 }), fc.integer({ min: 0, max: 3_000_000 })),
        value: fc.double(),
        then: fc.constantFrom('nothing', 'nothing', 'nothing', 'reopen', 'end'),
      }),
      { minLength: 1, maxLength: 30 },
    )
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 1, noNaN: true }), (steps, part) => {
        const directory = mkdtempSync(join(tmpdir(), 'aval-series-'))
        let store = openSeriesStore(directory, 1e15)
        const reader = readSeriesStore(directory)
        try {
          const lists = new Map<string, { at: number; value: number }[]>()
          const ends = new Map<string, number[]>()
          let now = 0
          let newest = 0
          for (const { series, afterMs, value, then } of steps) {
            now = Math.max(now + afterMs, 0)
            newest = Math.max(newest, now)
            const each = sample('any', now, value, { series: String(series) })
            const key = seriesKey(each.labels)
            const list = lists.get(key) ?? []
            lists.set(key, list)
            if (now > (list.at(-1)?.at ?? -1)) list.push({ at: now, value })
            store.append([each])
            if (then === 'end' && now > (ends.get(key)?.at(-1) ?? -1)) {
              store.end([each.labels], now)
              ends.set(key, [...(ends.get(key) ?? []), now])
            }
            if (then === 'reopen') {
              store.close()
              store = openSeriesStore(directory, 1e15)
            }
          }
          const after = Math.floor(newest * part)
          const expected = [...lists]
            .map(([key, list]) => ({
              key,
              samples: list.filter(({ at }) => at > after),
              ends: (ends.get(key) ?? []).filter((at) => at > after),
            }))
            .filter(({ samples, ends }) => samples.length + ends.length > 0)
          for (const source of [store, reader]) {
            const found = [...source.select(named('any'), after, newest)].map((span) => ({
              key: seriesKey(span.labels),
              samples: [...span.timesMs].map((at, index) => ({ at, value: span.values[index] })),
              ends: [...span.endedAtMs],
            }))
            const sorted = <T extends { key: string }>(list: T[]) => list.sort((a, b) => (a.key < b.key ? -1 : 1))
            assert.deepEqual(sorted(found), sorted(expected))
          }
        } finally {
          reader.close()
          store.close()
          rmSync(directory, { recursive: true })
        }
      }),
      { numRuns: 15 },
    )
  })

  test('matchers hold the whole value, and a missing label is empty', (t) => {
    const store = openSeriesStore(temporary(t), month)
    t.after(store.close)
    store.append([
      sample('a', 1, 1, { path: '/x' }),
      sample('a', 1, 1, { path: '/xy' }),
      sample('a', 1, 1, { path: '' }),
    ])
    const paths = (op: Matcher['op'], value: string) =>
      [...store.select([...named('a'), { label: 'path', op, value }], 0, 10)].map(({ labels }) => labels['path']).sort()
    assert.deepEqual(paths('=~', '/x'), ['/x'])
    assert.deepEqual(paths('!~', '/x'), ['/xy', undefined])
    assert.deepEqual(paths('=', ''), [undefined])
    assert.deepEqual(paths('!=', ''), ['/x', '/xy'])
  })

  test('a sample that is not newer than the last of its series is refused and counted', (t) => {
    const store = openSeriesStore(temporary(t), month)
    t.after(store.close)
    store.append([sample('a', 1000, 1), sample('a', 1000, 2), sample('b', 500, 1)])
    store.append([sample('a', 900, 3), sample('a', 1001, 4)])
    assert.deepEqual(store.counts(), { series: 2, refused: 2 })
    assert.deepEqual([...([...store.select(named('a'), 0, 9999)][0]?.values ?? [])], [1, 4])
  })

  test('what is older than its time goes, and series of which nothing is left go with it', (t) => {
    const directory = temporary(t)
    const store = openSeriesStore(directory, 6 * 3_600_000)
    t.after(store.close)
    for (let hour = 0; hour < 24; hour++) {
      const minutes = Array.from({ length: 60 }, (_, minute) => hour * 60 + minute)
      store.append(minutes.map((minute) => sample('lasting', minute * 60_000, minute)))
      if (hour === 0) store.append(minutes.map((minute) => sample('brief', minute * 60_000, minute)))
    }
    const [span] = [...store.select(named('lasting'), -Infinity, Infinity)]
    const keptHours = (24 * 3_600_000 - (span?.timesMs[0] ?? 0)) / 3_600_000
    assert.ok(keptHours >= 6 && keptHours <= 9, `${keptHours} h`)
    assert.deepEqual([...store.select(named('brief'), -Infinity, Infinity)], [])
    assert.equal(store.counts().series, 1)
  })

  test('has one writer at a time and says who; another process reads what it was told', async (t) => {
    const directory = temporary(t)
    assert.throws(
      () => readSeriesStore(directory),
      (error) => error instanceof AvalError && error.code === 'SERIES_STORE_MISSING',
    )
    const { child, rounds } = appending(t, directory)
    await rounds.next()
    assert.throws(
      () => openSeriesStore(directory, month),
      (error) =>
        error instanceof AvalError && error.code === 'SERIES_STORE_HELD' && error.message.includes(`${child.pid}`),
    )
    const reader = readSeriesStore(directory)
    t.after(reader.close)
    let told = 1
    // Past several hours of samples, so that chunks take the journal's place while they are read.
    while (told < 150) {
      told = Number((await rounds.next()).value)
      if (told % 20 !== 0) continue
      const spans = [...reader.select(named('appended_total'), 0, told * 60_000)]
      assert.equal(spans.length, 10)
      for (const { values } of spans) assert.deepEqual([values.length, values.at(-1)], [told, told])
    }
  })

  test('a kill loses nothing that was acknowledged, and the next writer goes on', async (t) => {
    const directory = temporary(t)
    for (const [kill, least] of [10, 61, 130].entries()) {
      const { child, rounds } = appending(t, join(directory, String(kill)))
      let told = 0
      while (told < least) told = Number((await rounds.next()).value)
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      for await (const line of rounds) told = Number(line)
      assert.deepEqual(await ended, [null, 'SIGKILL'])
      const store = openSeriesStore(join(directory, String(kill)), month)
      const spans = [...store.select(named('appended_total'), 0, Infinity)]
      store.close()
      assert.equal(spans.length, 10)
      for (const { values } of spans) {
        // A round that was written when the kill came may be there; none that was told may be missing.
        assert.ok(values.length === told || values.length === told + 1, `${values.length} of ${told}`)
        assert.deepEqual(
          [...values],
          Array.from({ length: values.length }, (_, index) => index + 1),
        )
      }
    }
  })

  test('500 series for a month would take less than 400 MB, told from what four hours add', (t) => {
    const directory = temporary(t)
    const store = openSeriesStore(directory, month)
    t.after(store.close)
    const round = realisticRounds(seed, 500)
    const quarters = (from: number, to: number) => {
      for (let quarter = from; quarter < to; quarter++) {
        store.append(Array.from({ length: 60 }, (_, each) => round((quarter * 60 + each) * 15_000)).flat())
      }
      return sizeOf(directory)
    }
    // The journal and the log of SQLite take their room once; what is added later is chunks.
    const before = quarters(0, 9)
    const perSample = (quarters(9, 25) - before) / (16 * 60 * 500)
    t.diagnostic(`${perSample.toFixed(2)} bytes a sample, seed ${seed}`)
    assert.ok(perSample > 0.5 && perSample * 500 * 4 * 60 * 24 * 30 < 400e6, `${perSample} bytes a sample`)
  })

  test('selects everything there is without a name too', (t) => {
    const store = openSeriesStore(temporary(t), month)
    t.after(store.close)
    store.append([sample('a', 1, 1), sample('b', 1, 1)])
    assert.equal([...store.select(all, 0, 1)].length, 2)
  })
})

/** A child process that appends for ever, and what it tells. */
function appending(t: TestContext, directory: string): { child: ChildProcess; rounds: AsyncIterableIterator<string> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'appending.fixture.ts'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  return { child, rounds: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

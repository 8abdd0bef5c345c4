import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { openAlertStore } from './alert-store.ts'
import type { Notice } from './notice.ts'
import type { Evaluation } from './reading.ts'
import { type AlertState, alertRound, alertSetup, emptyState } from './round.ts'
import { shop } from './shop.fixture.ts'
import type { Silence } from './silence.ts'

const stepMs = 15_000
const minute = 60_000
const routes = ['/pay', '/cart'] as const
const forMs = 45_000

/** What one round sees: a bit for each route, or that it sees nothing. */
const seen = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(0, 1, 2, 3) },
  { weight: 1, arbitrary: fc.constantFrom<'failed' | 'missing'>('failed', 'missing') },
)
type Seen = number | 'failed' | 'missing'
/** Runs of the same sight, as conditions have them. */
const story: fc.Arbitrary<Seen[]> = fc
  .array(fc.tuple(seen, fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 25 }))), {
    minLength: 1,
    maxLength: 8,
  })
  .map((runs) => runs.flatMap(([sight, length]) => Array.from({ length }, () => sight)))

const plan = shop({
  alerts: {
    errors: { when: 'errors > 5', for: '45s', keepFiringFor: '30s', severity: 'high', notify: ['pager', 'chat'] },
  },
  incidents: { routing: { groupWait: '30s', groupInterval: '1m', repeatInterval: '3m' } },
})
const setup = alertSetup(plan)
/** The same, told at once. */
const hasty = alertSetup({
  ...plan,
  incidents: { ...plan.incidents, routing: { ...plan.incidents.routing, groupWait: 0, groupInterval: 0 } },
})

function evaluation(sight: Seen): Evaluation {
  if (sight === 'failed') return { problem: 'no answer' }
  if (sight === 'missing') return { missing: ['errors'] }
  return routes.flatMap((route, index) => ((sight >> index) & 1 ? [{ labels: { route }, value: 9 }] : []))
}

/** Lives through a story and then through a quiet hour, in which all that was open must end. */
function lived(sights: readonly Seen[], silences: readonly Silence[] = [], by = setup) {
  let state: AlertState = { ...emptyState, silences: new Map(silences.map((silence) => [silence.id, silence])) }
  const notices: Notice[] = []
  for (let round = 0; round < sights.length + 240; round++) {
    const result = alertRound(by, state, { evaluate: () => evaluation(sights[round] ?? 0) }, round * stepMs)
    state = result.state
    notices.push(...result.notices)
  }
  return { notices, state }
}

function silence(id: string, route: string, from: number, length: number): Silence {
  const matchers = [{ label: 'route', op: '=' as const, value: route }]
  return { id, matchers, fromMs: from * stepMs, untilMs: (from + length) * stepMs, by: 'on call', why: 'test' }
}

const silencing = fc
  .array(fc.tuple(fc.constantFrom(...routes), fc.nat({ max: 60 }), fc.integer({ min: 1, max: 40 })), { maxLength: 3 })
  .map((several) => several.map(([route, from, length], index) => silence(`s${index}`, route, from, length)))

/** What a channel was told of each instance, in order. */
function toldOf(notices: readonly Notice[]): Map<string, { status: string; atMs: number; startedAtMs: number }[]> {
  const told = new Map<string, { status: string; atMs: number; startedAtMs: number }[]>()
  for (const { channel, alerts, atMs } of notices) {
    for (const { labels, status, startedAtMs } of alerts) {
      const key = `${channel} ${labels.route}`
      told.set(key, [...(told.get(key) ?? []), { status, atMs, startedAtMs }])
    }
  }
  return told
}

test('what holds for less than its duration is never told', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 5 })), { maxLength: 20 }),
      (runs) => {
        // Three rounds see it for 30 s, of the 45 it takes.
        const sights = runs.flatMap(([on, off]) => [...Array(on).fill(3), ...Array(off).fill(0)])
        assert.deepEqual(lived(sights).notices, [])
      },
    ),
    { numRuns: 60 },
  )
})

test('nothing is told before it was seen to hold for its duration, blind moments not counted', () => {
  fc.assert(
    fc.property(story, (sights) => {
      for (const told of lived(sights, [], hasty).notices) {
        for (const { labels, startedAtMs } of told.alerts) {
          const bit = labels.route === routes[0] ? 1 : 2
          let held = 0
          for (let round = startedAtMs / stepMs; round * stepMs < told.atMs; round++) {
            const both = [sights[round] ?? 0, sights[round + 1] ?? 0]
            if (both.every((sight) => typeof sight === 'number' && sight & bit)) held += stepMs
          }
          assert.ok(held >= forMs, `held for ${held} ms`)
        }
      }
    }),
    { numRuns: 100 },
  )
})

test('every firing that is told is followed by exactly one end, silences or not', () => {
  fc.assert(
    fc.property(story, silencing, (sights, silences) => {
      const { notices, state } = lived(sights, silences)
      for (const [key, told] of toldOf(notices)) {
        assert.equal(told.at(-1)?.status, 'resolved', key)
        told.forEach(({ status, startedAtMs }, index) => {
          const before = told[index - 1]
          if (status === 'resolved') assert.equal(before?.status, 'firing', key)
          // Until its end was told a beginning stays the same one.
          if (before?.status === 'firing') assert.equal(startedAtMs, before.startedAtMs, key)
        })
      }
      assert.deepEqual([...state.rules.keys(), ...state.groups.keys()], [])
    }),
    { numRuns: 150 },
  )
})

test('nothing is told of what is silenced', () => {
  fc.assert(
    fc.property(story, silencing, (sights, silences) => {
      for (const { alerts, atMs } of lived(sights, silences).notices) {
        for (const { labels } of alerts) {
          const covering = silences.filter(
            ({ matchers, fromMs, untilMs }) => matchers[0]?.value === labels.route && atMs >= fromMs && atMs < untilMs,
          )
          assert.deepEqual(covering, [])
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('what fires and is not silenced is told, and again until it ends', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 80 }), (rounds) => {
      const { notices } = lived(Array(rounds).fill(1))
      const pager = notices.filter(({ channel }) => channel === 'pager')
      assert.equal(pager[0]?.atMs, forMs + 30_000)
      const gaps = pager.slice(1).map(({ atMs }, index) => atMs - (pager[index]?.atMs ?? 0))
      assert.ok(gaps.slice(0, -1).every((gap) => gap === 3 * minute))
    }),
    { numRuns: 30 },
  )
})

test('a restart after any round tells the same as none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aval-alerts-'))
  let files = 0
  try {
    fc.assert(
      fc.property(story, silencing, fc.infiniteStream(fc.nat({ max: 9 })), (sights, silences, chance) => {
        const file = join(folder, `${files++}.db`)
        let store = openAlertStore(file)
        for (const one of silences) store.silence(one)
        const notices: Notice[] = []
        for (let round = 0; round < sights.length + 40; round++) {
          const input = { evaluate: () => evaluation(sights[round] ?? 0) }
          const result = alertRound(setup, store.state(), input, round * stepMs)
          store.commit(result.state, result.notices)
          if (chance.next().value === 0) {
            store[Symbol.dispose]()
            store = openAlertStore(file)
          }
          // Taken at leisure: what waits outlives restarts too.
          if (round % 7 === 0 || round === sights.length + 39) {
            for (const { sequence, notice } of store.waiting()) {
              notices.push(notice)
              store.handedOver(sequence)
            }
          }
        }
        store[Symbol.dispose]()
        const without = lived(sights, silences).notices.filter(({ atMs }) => atMs < (sights.length + 40) * stepMs)
        assert.deepEqual(notices, without)
      }),
      { numRuns: 6 },
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

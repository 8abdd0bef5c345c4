import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decideRetention } from './decide.ts'
import { type Decision, explain } from './decision.ts'
import { expiresAt, hasExpired } from './expiry.ts'
import type { RetentionPolicy, RetentionRule } from './rules.ts'
import { day, hour, momentsOf, SimulatedRepository, segmentBytes } from './simulated.fixture.ts'

/** The rules of the four documents: how long, when, and how far back any moment must be restorable. */
const plans = {
  medtime: {
    timeZone: 'UTC',
    window: 7 * day,
    walKeep: 8 * day,
    takes: { hourly: ['0 * * * *', 30 * day] },
    byEvent: { beforeMigration: 90 * day },
  },
  'supra-water': {
    timeZone: 'America/Mexico_City',
    window: 35 * day,
    walKeep: 36 * day,
    takes: { daily: ['0 2 * * *', 36 * day], monthly: ['0 3 1 * *', 365 * day] },
    byEvent: { 'before-migration': 90 * day },
  },
  autorenta: {
    timeZone: 'UTC',
    window: undefined,
    walKeep: undefined,
    takes: { daily: ['0 2 * * *', 30 * day] },
    byEvent: { 'before-deploy': 30 * day },
  },
  bloom: {
    timeZone: 'UTC',
    window: 7 * day,
    walKeep: 30 * day,
    takes: { daily: ['0 3 * * *', 30 * day], 'daily-copy': ['30 3 * * *', 365 * day] },
    byEvent: { 'before-migration': 3 * 365 * day },
  },
} as const

type Rules = (typeof plans)[keyof typeof plans]

function policyOf({ timeZone, window, walKeep, takes, byEvent }: Rules): RetentionPolicy {
  const rules: RetentionRule[] = [
    ...Object.entries(takes).map(([name, [, keep]]) => ({ name, keep, scheduled: true })),
    ...Object.entries(byEvent).map(([name, keep]) => ({ name, keep, scheduled: false })),
  ]
  return {
    rules: new Map(rules.map((rule) => [rule.name, rule])),
    walKeep,
    byHand: 90 * day,
    objectives: ['database'],
    pointInTime: window === undefined ? undefined : { window },
    timeZone,
  }
}

const outcomeOf = (decisions: readonly Decision[], id: string) => {
  const found = decisions.find((each) => each.of === 'backup' && each.id === id)
  assert.ok(found)
  return found
}

const start = Date.UTC(2026, 0, 5)

for (const [name, plan] of Object.entries(plans)) {
  test(`${name}: over 400 days nothing needed is ever removed, and what must go is gone within a day`, () => {
    const policy = policyOf(plan)
    const end = start + 400 * day
    // Hourly rules are simulated every six hours: the arithmetic is the same, the list a sixth as long.
    const takes = Object.entries(plan.takes).flatMap(([rule, [schedule]]) =>
      momentsOf(schedule === '0 * * * *' ? '0 */6 * * *' : schedule, plan.timeZone, start, end).map((at) => ({
        rule,
        at,
      })),
    )
    fc.assert(
      fc.property(
        fc.record({
          events: fc.array(fc.integer({ min: 0, max: 400 * 24 - 1 }), { maxLength: 8 }),
          // Days on which no backup was taken and nothing pruned: the machine was off.
          off: fc.uniqueArray(fc.integer({ min: 20, max: 390 }), { maxLength: 10 }),
          held: fc.integer({ min: 0, max: 300 }),
          heldFor: fc.integer({ min: 1, max: 200 }),
          // Days on which the clock of the machine that prunes is wrong, and by how many hours it is behind.
          back: fc.array(fc.tuple(fc.integer({ min: 1, max: 399 }), fc.integer({ min: 1, max: 60 * 24 })), {
            maxLength: 5,
          }),
        }),
        ({ events, off, held, heldFor, back }) => {
          const repository = new SimulatedRepository(start)
          const [byEvent = 'none'] = Object.keys(plan.byEvent)
          const all = [...takes, ...events.map((at) => ({ rule: byEvent, at: start + at * hour }))].sort(
            (a, b) => a.at - b.at,
          )
          let next = 0
          let heldId: string | undefined
          for (let today = 0; today < 400; today++) {
            const until = start + (today + 1) * day
            repository.writeWal(until - day, until)
            for (let taking = all[next]; taking && taking.at < until; taking = all[++next]) {
              if (off.includes(today)) continue
              const backup = repository.take(taking.rule, taking.at)
              if (today >= held) heldId ??= backup.id
            }
            if (off.includes(today)) continue
            const behind = back.find(([on]) => on === today)?.[1] ?? 0
            const holdEnds = start + (held + heldFor) * day
            const holds = heldId === undefined ? [] : [{ backup: heldId, reason: 'a case', until: holdEnds }]
            const facts = repository.facts(policy, until, { holds })

            const later = decideRetention(facts)
            assert.deepEqual(decideRetention(facts), later, 'the same facts, the same decisions')
            const earlier = behind === 0 ? [] : decideRetention({ ...facts, now: until - behind * hour })
            const goesLater = new Set(
              later.flatMap((each) => (each.outcome === 'remove' && each.of === 'backup' ? [each.id] : [])),
            )
            for (const each of earlier) {
              if (each.outcome === 'keep') continue
              if (each.of === 'backup') assert.ok(goesLater.has(each.id), 'a clock that is behind removes no more')
              else
                assert.ok(
                  later.some(
                    (other) =>
                      other.of === 'wal' &&
                      other.outcome === 'remove' &&
                      other.from <= each.from &&
                      each.to <= other.to,
                  ),
                  'nor WAL',
                )
            }
            repository.prune(facts)

            const kept = [...repository.backups.values()]
            if (kept.length === 0) assert.equal(next, 0)
            for (const rule of Object.keys(plan.takes)) {
              const newest = all
                .slice(0, next)
                .findLast((each) => each.rule === rule && !off.includes(Math.floor((each.at - start) / day)))
              if (newest)
                assert.ok(
                  kept.some((each) => each.rule === rule && each.startedAt === newest.at),
                  'the newest is there',
                )
            }
            if (heldId !== undefined && until < holdEnds)
              assert.ok(repository.backups.has(heldId), 'what is held is there')
            for (const backup of kept) assert.ok(repository.isWhole(backup), 'a kept backup has its WAL')
            const first = Math.min(...kept.map(({ stoppedAt }) => stoppedAt))
            if (plan.window !== undefined) {
              for (let at = Math.max(until - plan.window, start + day); at < until; at += 7 * hour) {
                if (at >= first) assert.ok(repository.canRestore(at), `the moment ${(until - at) / hour} h ago`)
              }
              assert.ok(first <= Math.max(until - plan.window, start + 2 * day) || off.some((each) => each <= 2))
            }
            for (const { id, rule, stoppedAt, startedAt } of kept) {
              const keep = policy.rules.get(rule ?? '')?.keep
              assert.ok(typeof keep === 'number')
              if (until - stoppedAt < keep + day) continue
              const reasons = outcomeOf(later, id)
              assert.ok(
                reasons.outcome === 'keep' &&
                  reasons.reasons.every(({ why }) => ['hold', 'window', 'objective', 'newest'].includes(why)),
                `${rule} of ${new Date(startedAt).toISOString()} should be gone: ${explain(reasons, { now: until, timeZone: plan.timeZone })}`,
              )
            }
          }
        },
      ),
      { numRuns: 2 },
    )
  })
}

const simple: RetentionPolicy = {
  rules: new Map([
    ['daily', { name: 'daily', keep: 30 * day, scheduled: true }],
    ['ever', { name: 'ever', keep: 'forever', scheduled: false }],
  ]),
  walKeep: 8 * day,
  byHand: 90 * day,
  objectives: [],
  pointInTime: { window: 7 * day },
  timeZone: 'UTC',
}

test('every decision says why, in words', () => {
  const repository = new SimulatedRepository(start)
  repository.writeWal(start, start + 60 * day)
  repository.take('daily', start)
  const byHand = repository.take(undefined, start + day, { label: 'before the move' })
  const snapshot = repository.take('ever', start + 2 * day)
  const own = repository.take(undefined, start + 3 * day, { label: 'quarter', keep: 400 * day })
  const window = repository.take('daily', start + 45 * day)
  const newest = repository.take('daily', start + 59 * day)
  const now = start + 60 * day
  const at = { now, timeZone: 'UTC' }
  const decisions = decideRetention(repository.facts(simple, now))
  const says = (id: string) => explain(outcomeOf(decisions, id), at)
  assert.equal(says('000000'), 'removed: 59 d old, daily is kept 30 d')
  assert.equal(says(byHand.id), 'kept: taken by hand, 58 d old; such are kept 90 d')
  assert.equal(says(snapshot.id), 'kept: the ever of 2026-01-07 00:10, 57 d old; ever is kept for ever')
  assert.equal(says(own.id), 'kept: "quarter", 56 d old; it is kept 400 d')
  assert.equal(
    says(window.id),
    'kept: the daily of 2026-02-19 00:10, 14 d old; daily is kept 30 d; also the point-in-time window of 7 d begins inside its WAL',
  )
  assert.match(says(newest.id), /the newest backup that is not known to be damaged$/)
  const wal = decisions.filter((each) => each.of === 'wal')
  assert.deepEqual(
    wal.map((each) => explain(each, at)),
    [
      'removed: older than 8 d, and no kept backup, window, hold or restore needs it',
      `kept: the backup ${byHand.id} is whole only with it`,
      'removed: older than 8 d, and no kept backup, window, hold or restore needs it',
      `kept: the backup ${snapshot.id} is whole only with it`,
      'removed: older than 8 d, and no kept backup, window, hold or restore needs it',
      `kept: the backup ${own.id} is whole only with it`,
      'removed: older than 8 d, and no kept backup, window, hold or restore needs it',
      'kept: the point-in-time window of 7 d begins inside its WAL',
    ],
  )
})

test('a backup known to be damaged counts for nothing: the sound one before it stays', () => {
  const repository = new SimulatedRepository(start)
  repository.writeWal(start, start + 60 * day)
  const sound = repository.take('daily', start, { sound: true })
  repository.take('daily', start + day, { sound: false })
  const decisions = decideRetention(repository.facts(simple, start + 60 * day))
  assert.deepEqual(
    decisions.flatMap((each) => (each.of === 'backup' ? [each.outcome] : [])),
    ['keep', 'remove'],
  )
  const found = outcomeOf(decisions, sound.id)
  assert.deepEqual(
    found.reasons.map(({ why }) => why),
    ['newest', 'newest-verified', 'window'],
  )
})

test('what a restore reads stays, with its WAL, until its mark is over; a hold ends with its time', () => {
  const repository = new SimulatedRepository(start)
  repository.writeWal(start, start + 60 * day)
  const old = repository.take('daily', start + hour)
  for (const age of [50, 59]) repository.take('daily', start + age * day)
  const now = start + 60 * day
  const reading = { backup: old.id, from: old.start, to: repository.position(start + 5 * day) }
  const goes = (expiresAt: number) => {
    const facts = repository.facts(simple, now, { runningRestores: [{ ...reading, expiresAt }] })
    const decisions = decideRetention(facts)
    const wal = decisions.find((each) => each.of === 'wal' && each.from <= 24n && 24n < each.to)
    return [outcomeOf(decisions, old.id).outcome, wal?.outcome]
  }
  assert.deepEqual(goes(now + 1), ['keep', 'keep'])
  assert.deepEqual(goes(now), ['remove', 'remove'])
  const held = (until: number | undefined) =>
    outcomeOf(
      decideRetention(repository.facts(simple, now, { holds: [{ backup: old.id, reason: 'a case', until }] })),
      old.id,
    ).outcome
  assert.deepEqual([held(undefined), held(now + 1), held(now)], ['keep', 'keep', 'remove'])
})

test('a backup that others build on stays as long as they do, over any number of steps', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 2, maxLength: 12 }), (builds) => {
      const repository = new SimulatedRepository(start)
      let parent: string | undefined
      for (const [index, build] of builds.entries()) {
        parent = repository.take('daily', start + index * 6 * day, build && parent !== undefined ? { parent } : {}).id
      }
      repository.prune(repository.facts({ ...simple, pointInTime: undefined }, start + 80 * day))
      for (const { parent: needed } of repository.backups.values()) {
        assert.ok(needed === undefined || repository.backups.has(needed))
      }
    }),
  )
})

test('the WAL of a branch that a restore abandoned goes by its age, what backups on it need stays', () => {
  const size = BigInt(segmentBytes)
  const repository = new SimulatedRepository(start)
  const onBranch = repository.take('ever', start, { start: 12n * size, stop: 13n * size })
  const newest = repository.take('daily', start + 20 * day, { timeline: 2, start: 30n * size, stop: 31n * size })
  const facts = repository.facts({ ...simple, pointInTime: undefined }, start + 20 * day)
  const decisions = decideRetention({
    ...facts,
    wal: {
      segmentBytes,
      line: [
        { timeline: 1, start: 0n, end: 10n * size },
        { timeline: 2, start: 10n * size, end: undefined },
      ],
      segments: [
        ...[11n, 12n, 13n].map((number) => ({ timeline: 1, number, until: start + 2 * day })),
        { timeline: 1, number: 14n, until: start + 13 * day },
        ...[29n, 30n].map((number) => ({ timeline: 2, number, until: start + 11 * day })),
      ],
    },
  })
  assert.deepEqual(
    decisions.flatMap((each) =>
      each.of === 'wal' ? [[each.timeline, each.from, each.outcome, each.reasons[0].why]] : [],
    ),
    [
      [1, 11n, 'remove', 'wal-expired'],
      [1, 12n, 'keep', 'wal-of'],
      [1, 13n, 'remove', 'wal-expired'],
      [1, 14n, 'keep', 'wal-keep'],
      [2, 29n, 'remove', 'wal-expired'],
      [2, 30n, 'keep', 'wal-after-newest'],
    ],
  )
  assert.deepEqual(
    [onBranch.id, newest.id].map((id) => outcomeOf(decisions, id).outcome),
    ['keep', 'keep'],
  )
})

test('days are counted by the wall clock and by hours, and the later of both decides', () => {
  const zone = 'Europe/Madrid'
  // 2026: clocks go forward on 29 March, back on 25 October.
  const spring = Date.UTC(2026, 2, 20, 1)
  assert.equal(expiresAt(spring, 30 * day, zone), spring + 30 * day, 'the wall clock would let it go an hour early')
  const autumn = Date.UTC(2026, 9, 20, 1)
  assert.equal(expiresAt(autumn, 30 * day, zone), autumn + 30 * day + hour)
  assert.equal(hasExpired(autumn, 30 * day, autumn + 30 * day + hour - 1, zone), false)
  assert.equal(hasExpired(autumn, 30 * day, autumn + 30 * day + hour, zone), true)
  assert.equal(hasExpired(autumn, 90 * 60_000, autumn + 90 * 60_000, zone), true)
  fc.assert(
    fc.property(
      fc.integer({ min: start, max: start + 700 * day }),
      fc.integer({ min: 1, max: 400 }),
      fc.constantFrom('UTC', zone, 'America/Mexico_City', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'),
      (madeAt, days, timeZone) => {
        const at = expiresAt(madeAt, days * day, timeZone)
        assert.ok(at >= madeAt + days * day && at <= madeAt + days * day + 2 * hour)
        assert.equal(hasExpired(madeAt, days * day, at, timeZone), true)
        assert.equal(hasExpired(madeAt, days * day, at - 1, timeZone), false)
      },
    ),
  )
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { roundsOf } from './calendar.ts'
import { dueTime, type JobHistory } from './due.ts'

const at = (text: string) => Date.parse(text)
const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())

suite('a calendar', () => {
  test('of a week of months comes round on the Monday of that week, in its own time zone', () => {
    const rounds = roundsOf({ months: [2, 5, 8, 11], week: 2 }, 'America/Mexico_City')
    assert.equal(iso(rounds.latest(at('2026-11-22T00:00:00Z'))), '2026-11-09T09:00:00.000Z')
    assert.equal(iso(rounds.next(at('2026-11-22T00:00:00Z'))), '2027-02-08T09:00:00.000Z')
  })

  test('counts the moment itself as the latest', () => {
    const rounds = roundsOf({ schedule: '0 * * * *' }, 'UTC')
    assert.equal(iso(rounds.latest(at('2026-03-01T05:00:00Z'))), '2026-03-01T05:00:00.000Z')
    assert.equal(iso(rounds.latest(at('2026-03-01T04:59:59.999Z'))), '2026-03-01T04:00:00.000Z')
  })

  test('comes round once on the days on which the clocks change', () => {
    const rounds = roundsOf({ schedule: '30 2 * * *' }, 'Europe/Madrid')
    const days = (from: string) => {
      const found: string[] = []
      for (let now = at(from); found.length < 3; now = rounds.next(now) ?? Number.NaN)
        found.push(iso(rounds.next(now)) ?? '')
      return found
    }
    // There is no 02:30 on the 29th of March, and there are two on the 25th of October.
    assert.deepEqual(days('2026-03-27T12:00:00Z'), [
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ])
    assert.deepEqual(days('2026-10-23T12:00:00Z'), [
      '2026-10-24T00:30:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ])
  })
})

suite('what is due', () => {
  const rounds = roundsOf({ schedule: '0 * * * *' }, 'UTC')

  test('is the last time missed, and only it', () => {
    const history = { firstSeen: at('2026-03-01T00:30:00Z'), settled: at('2026-03-01T02:00:00Z') }
    assert.equal(iso(dueTime(rounds, history, at('2026-03-04T07:20:00Z'))), '2026-03-04T07:00:00.000Z')
  })

  test('is nothing that came round before the job was known', () => {
    const history = { firstSeen: at('2026-03-01T00:30:00Z'), settled: undefined }
    assert.equal(dueTime(rounds, history, at('2026-03-01T00:59:59Z')), undefined)
    assert.equal(iso(dueTime(rounds, history, at('2026-03-01T01:00:00Z'))), '2026-03-01T01:00:00.000Z')
  })

  test('property: no time is run twice, none while up is missed, whatever the clock and the machine do', () => {
    const calendars = [
      { schedule: '0 * * * *' },
      { schedule: '30 2 * * *' },
      { schedule: '0 2 1 * *' },
      { months: [2, 5, 8, 11], week: 2 },
    ]
    const minute = 60_000
    const jump = fc.record({
      // Mostly small steps of a machine that is up; at times it is away for days, or its clock is put back.
      minutes: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 1, max: 90 }) },
        { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 60_000 }) },
        { weight: 1, arbitrary: fc.integer({ min: -200, max: -1 }) },
      ),
    })
    fc.assert(
      fc.property(
        fc.constantFrom(...calendars),
        fc.constantFrom('UTC', 'Europe/Madrid', 'America/Mexico_City'),
        fc.array(jump, { minLength: 50, maxLength: 300 }),
        (calendar, zone, jumps) => {
          const each = roundsOf(calendar, zone)
          let now = at('2026-03-01T00:00:00Z')
          const history: JobHistory = { firstSeen: now, settled: undefined }
          const ran: number[] = []
          for (const { minutes } of jumps) {
            now += minutes * minute
            const due = dueTime(each, history, now)
            const latest = each.latest(now)
            if (due === undefined) {
              const nothing = latest === undefined || latest < history.firstSeen || latest <= (history.settled ?? -1)
              assert.ok(nothing, 'a time was missed')
              continue
            }
            assert.ok(due <= now)
            ran.push(due)
            history.settled = Math.max(due, history.settled ?? due)
          }
          assert.equal(new Set(ran).size, ran.length, 'a time was run twice')
          assert.deepEqual(
            ran,
            ran.toSorted((a, b) => a - b),
          )
        },
      ),
      { numRuns: 60 },
    )
  })
})

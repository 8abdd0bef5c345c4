import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import type { Clock } from '../clock.ts'
import { roundsOf } from './calendar.ts'
import type { Job } from './job.ts'
import { openJournal } from './journal.ts'
import { startSchedule } from './run-schedule.ts'

/** A clock that goes on only when a sleeper is woken, so that a day of a schedule takes no time. */
function sleeperClock(start: string): Clock & { until(text: string): Promise<void> } {
  let now = Date.parse(start)
  const sleepers = new Set<{ at: number; wake: () => void }>()
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        })
      }),
    until: async (text) => {
      const end = Date.parse(text)
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve))
        const [next] = [...sleepers].sort((a, b) => a.at - b.at)
        if (!next || next.at > end) break
        sleepers.delete(next)
        now = next.at
        next.wake()
      }
      now = end
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

async function place(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'aval-schedule-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const hourly: Job = {
  name: 'backup:hourly',
  lane: 'backups',
  rounds: roundsOf({ schedule: '0 * * * *' }, 'UTC'),
  commands: [
    ['backup', 'create'],
    ['backup', 'prune'],
  ],
}

/** A schedule over a clock, whose commands answer with the exit codes given, then with 0. */
function scheduled(directory: string, clock: Clock, jobs: readonly Job[], exits: number[] = []) {
  const ran: string[] = []
  const lines: string[] = []
  const journal = openJournal(directory, clock)
  const schedule = startSchedule({
    jobs,
    journal,
    clock,
    run: async (command) => {
      ran.push(`${new Date(clock.now()).toISOString().slice(8, 16)} ${command.join(' ')}`)
      return exits.shift() ?? 0
    },
    log: (line) => lines.push(line),
  })
  return {
    ran,
    lines,
    stop: async () => {
      await schedule.stop()
      journal.close()
    },
  }
}

suite('a schedule', () => {
  test('runs the commands of a job at each of its times, in order', async (t) => {
    const clock = sleeperClock('2026-03-01T00:30:00Z')
    const { ran, stop } = scheduled(await place(t), clock, [hourly])
    await clock.until('2026-03-01T02:10:00Z')
    await stop()
    assert.deepEqual(ran, [
      '01T01:00 backup create',
      '01T01:00 backup prune',
      '01T02:00 backup create',
      '01T02:00 backup prune',
    ])
  })

  test('catches up once after a time away, and never runs a time again', async (t) => {
    const directory = await place(t)
    const clock = sleeperClock('2026-03-01T00:30:00Z')
    const first = scheduled(directory, clock, [hourly])
    await clock.until('2026-03-01T01:10:00Z')
    await first.stop()
    await clock.until('2026-03-03T09:20:00Z')
    const second = scheduled(directory, clock, [hourly])
    await clock.until('2026-03-03T09:50:00Z')
    await second.stop()
    const third = scheduled(directory, clock, [hourly])
    await clock.until('2026-03-03T09:55:00Z')
    await third.stop()
    assert.deepEqual(second.ran, ['03T09:20 backup create', '03T09:20 backup prune'])
    assert.match(second.lines[0] ?? '', /20 min late/)
    assert.deepEqual(third.ran, [])
  })

  test('tries a failure again twice, later each time, then waits for the next time', async (t) => {
    const clock = sleeperClock('2026-03-01T00:59:00Z')
    const { ran, lines, stop } = scheduled(await place(t), clock, [hourly], [1, 1, 1])
    await clock.until('2026-03-01T01:59:00Z')
    assert.deepEqual(ran, ['01T01:00 backup create', '01T01:05 backup create', '01T01:15 backup create'])
    assert.match(lines.at(-1) ?? '', /ended with 1, attempt 3/)
    await clock.until('2026-03-01T02:01:00Z')
    await stop()
    assert.equal(ran.at(-1), '01T02:00 backup prune')
  })

  test('begins again what a killed one had begun', async (t) => {
    const directory = await place(t)
    const clock = sleeperClock('2026-03-01T01:00:00Z')
    const journal = openJournal(directory, clock)
    journal.history(hourly.name)
    const time = Date.parse('2026-03-01T01:00:00Z')
    assert.equal(journal.claim(hourly.name, time), 'claimed')
    assert.equal(journal.claim(hourly.name, time), 'running')
    journal.close()
    // As a killed process leaves it: claimed, by somebody who is gone.
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(join(directory, 'schedule.db'))
    database.exec('UPDATE runs SET pid = 2147483646')
    database.close()
    const { ran, stop } = scheduled(directory, clock, [hourly])
    await clock.until('2026-03-01T01:01:00Z')
    await stop()
    assert.equal(ran.length, 2)
  })

  test('does not let a backup wait for a drill', async (t) => {
    const clock = sleeperClock('2026-03-01T00:59:00Z')
    const journal = openJournal(await place(t), clock)
    const drill: Job = { ...hourly, name: 'drill:long', lane: 'proofs', commands: [['prove']] }
    const ran: string[] = []
    const schedule = startSchedule({
      jobs: [drill, hourly],
      journal,
      clock,
      run: async (command, signal) => {
        ran.push(command.join(' '))
        if (command[0] === 'prove') await clock.sleep(7_200_000, signal).catch(() => undefined)
        return 0
      },
      log: () => {},
    })
    await clock.until('2026-03-01T02:01:00Z')
    await schedule.stop()
    journal.close()
    assert.deepEqual(ran, ['prove', 'backup create', 'backup prune', 'backup create', 'backup prune'])
  })
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock, timestamp } from '../clock.ts'
import type { Evidence } from '../ledger/evidence.ts'
import { openLedger } from '../ledger/ledger.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

const recovery = {
  backups: {
    hourly: { schedule: '0 * * * *', keep: '30d' },
    blobs: { of: 'blobs', schedule: '0 1 * * *', keep: '1y' },
  },
  procedures: { lost: { steps: ['Restore.'], within: '4h' } },
  drills: {
    quarterly: { calendar: { months: [2, 5, 8, 11], week: 2 }, focus: ['restore'], scenario: 'lost' },
    sound: { calendar: { schedule: '0 3 1 * *' }, focus: ['bytes'], verifies: { newestWithin: '25h' } },
  },
  checklists: {
    day: { when: 'on the day', items: ['signed', { item: 'restored', provenBy: 'recovery/procedure:lost/' }] },
  },
  kpis: {
    longest: { claim: 'Longest recovery', measure: 'longest-recovery', atMost: '4h' },
    lost: { claim: 'Most data lost', measure: 'most-data-lost', atMost: '1h' },
    success: { claim: 'Drills that succeeded', measure: 'drills-that-succeeded', atLeast: '95%' },
    runbooks: { claim: 'Runbooks as written', measure: 'runbooks-as-written', atLeast: '100%' },
  },
  reports: { quarterly: { calendar: { months: [2, 5, 8, 11], week: 3 }, to: ['CTO'], sections: ['remedies'] } },
}

suite('aval drills', () => {
  let tiny: TinyProject
  const aval = (...argv: string[]) => commandLine(tiny.directory, ...argv)
  const json = async (...argv: string[]) => JSON.parse((await aval(...argv, '--json')).out)

  const record = (guarantee: string, verdict: Evidence['verdict'], measured: number | null) => {
    const ledger = openLedger(tiny.project.state, systemClock)
    ledger.append({
      id: crypto.randomUUID(),
      guarantee,
      system: 'tiny',
      verdict,
      measured,
      unit: 'ms',
      sample: { size: 1, of: 'drill' },
      scale: null,
      environment: {},
      steps: [],
      reason: 'It was tried',
      remedy: verdict === 'proven' ? null : 'Look at it',
      seed: 7,
      planDigest: '',
      subjectDigest: '',
      commit: null,
      startedAt: timestamp(systemClock.now() - 1_000),
      tookMs: 10,
    })
    ledger.close()
  }

  before(async () => {
    tiny = await tinyProject({}, { recovery })
  })
  after(() => tiny.remove())

  test('tells what comes next, by which command, and what nobody runs', async () => {
    const entries: { name: string; does: string; next: string | null; outcome: string }[] = await json(
      'drills',
      'calendar',
      'tiny',
    )
    const byName = new Map(entries.map((entry) => [entry.name, entry]))
    assert.match(
      byName.get('backup:hourly')?.does ?? '',
      /^aval backup create tiny --rule hourly && aval backup prune tiny$/,
    )
    assert.match(byName.get('drill:sound')?.does ?? '', /aval backup verify tiny --newest-within 25h/)
    assert.match(byName.get('backup:blobs')?.does ?? '', /Aval does not keep/)
    assert.equal(byName.get('drill:quarterly')?.outcome, 'not run by Aval')
    assert.equal(byName.get('report:quarterly')?.outcome, 'never run')
    assert.ok(entries.every(({ next, name }) => next !== null || name === 'backup:blobs'))
    const told = (await aval('drills', 'calendar', 'tiny')).out
    assert.match(told, /NEXT \(UTC\) +LAST \(UTC\)/)
    assert.match(told, /Times are UTC\. tiny means its calendar in \S+\.\n$/)
  })

  test('leaves a figure open for which there is nothing, and never calls it kept', async () => {
    const figures: { met: boolean | null }[] = await json('drills', 'kpis', 'tiny')
    assert.deepEqual(
      figures.map(({ met }) => met),
      [null, null, null, null],
    )
    const [file] = (await json('drills', 'report', 'tiny'))[0].files
    const empty = await readFile(file, 'utf8')
    assert.match(empty, /Nothing was carried out in this period\./)
    assert.match(empty, /No problem can have been found/)
    assert.match(empty, /- \[ \] restored \(nothing tried under recovery\/procedure:lost\/\)/)
    assert.doesNotMatch(empty, /None|0 of 0/)
  })

  test('fills figures, ticks and troubles from the ledger', async () => {
    record('recovery/procedure:lost/time', 'proven', 60_000)
    record('recovery/procedure:lost/loss', 'proven', 2_000)
    const good = await aval('drills', 'kpis', 'tiny')
    assert.equal(good.code, 0, good.err)
    const [file] = (await json('drills', 'report', 'tiny'))[0].files
    assert.match(await readFile(file, 'utf8'), /- \[x\] restored/)

    record('recovery/database/time', 'refuted', 20_000_000)
    record('recovery/procedure:lost/loss', 'inconclusive', null)
    const figures: { name: string; met: boolean | null; measured: number }[] = await json('drills', 'kpis', 'tiny')
    assert.deepEqual(
      figures.map(({ name, met, measured }) => [name, met, measured]),
      [
        ['longest', false, 20_000_000],
        ['lost', true, 2_000],
        ['success', false, 0.5],
        ['runbooks', null, null],
      ],
    )
    assert.equal((await aval('drills', 'kpis', 'tiny')).code, 1)
    const markdown = await readFile(file, 'utf8').then(async () => {
      await aval('drills', 'report', 'tiny')
      return readFile(file, 'utf8')
    })
    assert.match(markdown, /recovery\/database\/time is refuted: It was tried/)
    assert.match(markdown, /- \[ \] signed \(a person\)/)
    assert.match(markdown, /- \[ \] restored \(1 of 2 under/)
    assert.match(await readFile(join(file.replace(/\.md$/, '.html')), 'utf8'), /^<!doctype html>/)
  })

  test('names the reports there are when asked for another, and refuses a date that is none', async () => {
    assert.match((await aval('drills', 'report', 'tiny', '--name', 'weekly')).err, /names quarterly, not "weekly"/)
    assert.equal((await aval('drills', 'kpis', 'tiny', '--from', '1.2.2026')).code, 2)
  })
})

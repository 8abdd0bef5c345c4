import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../clock.ts'
import { loadSystem } from '../project/load-system.ts'
import { seededRandom } from '../random.ts'
import { type TinyProject, tinyProject } from '../run/tiny-system.fixture.ts'
import type { AlertInstance } from '../watch/alerts/notice.ts'
import { openIncidents } from '../watch/incidents/incidents.ts'
import { episodeOf } from '../watch/notify/message.ts'
import { openPager } from '../watch/notify/pager.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import { commandLine } from './command-line.fixture.ts'

const sections = {
  telemetry: { metrics: { errors: { type: 'gauge', help: 'Errors.', emittedBy: ['keeper'] } } },
  alerts: { errors_high: { when: 'errors > 5', severity: 'critical', notify: ['desk'], runbook: 'RB-1' } },
  runbooks: {
    'RB-1': { title: 'Many errors', severity: 'SEV-1', owner: 'on call', trigger: 'errors', file: 'runbooks/rb-1.md' },
  },
  incidents: {
    channels: { desk: { kind: 'pagerduty', reaches: 'the desk' } },
    severities: {
      'SEV-1': { meaning: 'The system is down', alerts: ['critical'], respondWithin: '15m' },
      'SEV-3': { meaning: 'One feature is slow' },
    },
    review: { within: '2d', sections: ['Summary', 'Timeline', 'Root cause'] },
  },
}

interface Told {
  number: number
  answer: string
  acknowledgedAt: string | null
  closedAt: string | null
  reviewBy: string | null
}

suite('aval incident', () => {
  let tiny: TinyProject
  const aval = (...argv: string[]) => commandLine(tiny.directory, 'incident', ...argv)
  const json = async <T>(...argv: string[]): Promise<T[]> => JSON.parse((await aval(...argv, '--json')).out)

  before(async () => {
    tiny = await tinyProject({}, sections)
  })
  after(() => tiny.remove())

  test('lists nothing, and makes no file for it, where nothing was ever wrong', async (t) => {
    const calm = await tinyProject({}, sections)
    t.after(() => calm.remove())
    const listed = await commandLine(calm.directory, 'incident', 'list', 'tiny')
    assert.deepEqual(listed, { code: 0, out: 'There was no incident yet.\n', err: '' })
    await assert.rejects(readFile(join(watchDirectory(calm.project, 'tiny'), 'incidents.db')), /ENOENT/)
  })

  test('goes from opening by hand to a review', async () => {
    const opened = await aval('open', 'tiny', '--severity', 'SEV-3', '--title', 'Slow for *some*', '--runbook', 'RB-1')
    assert.match(opened.out, /^tiny \d+, SEV-3, open: Slow for \*some\*\nRB-1: Many errors \(runbooks\/rb-1\.md\)\n$/)
    const number = /\d+/.exec(opened.out)?.[0] ?? ''
    assert.match((await aval('ack', number, '--by', 'the desk')).out, /SEV-3, taken: Slow/)
    assert.equal((await aval('note', 'tiny', number, '--text', 'Rolled <b>back')).code, 0)
    const [closed] = await json<Told>('close', 'tiny', number)
    assert.ok(closed?.acknowledgedAt && closed.closedAt && closed.reviewBy)
    assert.equal(Date.parse(closed.reviewBy) - Date.parse(closed.closedAt), 2 * 86_400_000)

    const file = join(tiny.project.root, 'review.md')
    assert.equal((await aval('report', 'tiny', number, '--out', file)).out, `${file}\n`)
    const review = await readFile(file, 'utf8')
    assert.equal((await aval('report', 'tiny', number)).out, review)
    assert.match(review, /^# Incident \d+: Slow for \\\*some\\\*\n/)
    assert.match(review, /incident: operator: Rolled \\<b\\>back/)
    assert.match(review, /## Root cause\n\n_To be written\._/)
    const [told] = await json<{ timeline: { text: string }[]; figures: { timeToResolveMs: { sample: number } } }>(
      'report',
      'tiny',
      number,
    )
    assert.deepEqual(
      told?.timeline.map(({ text }) => text.replace(/:.*/, '')),
      ['opened as SEV-3 by operator', 'acknowledged by the desk', 'operator', 'closed by operator'],
    )
    assert.equal(told?.figures.timeToResolveMs.sample, 1)

    const [figures] = await json<{ count: number; timeToAcknowledgeMs: unknown }>('report', 'tiny')
    assert.ok(figures && figures.count >= 1 && figures.timeToAcknowledgeMs !== null)
    assert.match((await aval('report', '--all')).out, /SYSTEM +INCIDENTS +OPEN/)
  })

  test('an answer reaches the pager: the firing counts as answered, and its provider is to hear of it', async () => {
    const { plan } = await loadSystem(tiny.project, 'tiny')
    const directory = watchDirectory(tiny.project, 'tiny')
    const alert: AlertInstance = {
      id: 'one',
      alert: 'errors_high',
      labels: {},
      severity: 'critical',
      status: 'firing',
      startedAtMs: systemClock.now() - 60_000,
      endedAtMs: undefined,
      summary: 'errors_high',
      runbook: 'RB-1',
      value: 6,
    }
    const incidents = openIncidents({ directory, plan, clock: systemClock })
    const pager = openPager({ directory, plan, clock: systemClock, random: seededRandom(1), variables: {} })
    try {
      const number = incidents.noticed(alert)?.number
      pager.accept({ group: 'g', channel: 'desk', alerts: [alert], status: 'firing', atMs: systemClock.now() })
      const [open] = (await json<Told>('list', 'tiny', '--open')).filter((one) => one.number === number)
      assert.equal(open?.answer, 'awaited')
      const answered = await aval('ack', 'tiny', String(number), '--by', 'on call')
      assert.equal(answered.code, 0, answered.err)
      assert.match(answered.out, /SEV-1, taken, in time/)
      assert.equal(pager.episode(episodeOf(alert))?.acknowledgedBy, 'on call')
      assert.match(answered.err, /Nobody further is told[\s\S]*1 of its providers hear of it/)
      assert.match(
        (await aval('report', 'tiny', String(number))).out,
        /alert: errors\\?_high began[\s\S]*pager: desk is to be told/,
      )
    } finally {
      pager.close()
      incidents.end()
    }
  })

  test('refuses what there is not, and says what there is', async () => {
    const refused = async (...argv: string[]) => {
      const { code, err, out } = await aval(...argv)
      assert.deepEqual([code, out], [2, ''], err)
      return err
    }
    assert.match(await refused('open', 'tiny', '--severity', 'SEV-9', '--title', 'x'), /SEV-1, SEV-3/)
    assert.match(
      await refused('open', 'tiny', '--severity', 'SEV-3', '--title', 'x', '--runbook', 'RB-9'),
      /RB-1, not "RB-9"/,
    )
    assert.match(await refused('open', 'tiny', '--severity', 'SEV-3', '--title', ' '), /1 to 200 characters/)
    assert.match(
      await refused('open', 'tiny', '--severity', 'SEV-3', '--title', 'Ask ana@example.org'),
      /It holds no e-mail address: say a role of the plan/,
    )
    assert.match(
      await refused('open', 'tiny', '--severity', 'SEV-3', '--title', 'x', '--by', 'Ana Ruiz'),
      /"Ana Ruiz" is no role of the plan: the desk, on call, operator/,
    )
    assert.match(await refused('note', 'tiny', '1', '--text', 'x', '--by', 'the dsek'), /Did you mean the desk\?/)
    assert.match(await refused('ack', 'tiny', '4711'), /no incident 4711/)
    assert.match(await refused('report', 'tiny', '4711'), /no incident 4711/)
    assert.match(await refused('note', 'tiny', 'one', '--text', 'x'), /"one" is no number/)
    assert.match(await refused('report', 'tiny', '--out', 'x'), /name its number/)
    await aval('open', 'tiny', '--severity', 'SEV-3', '--title', 'to be closed twice')
    const last = String((await json<Told>('list', 'tiny')).at(-1)?.number)
    assert.equal((await aval('close', last)).code, 0)
    assert.match(await refused('close', last), /is closed/)
  })
})

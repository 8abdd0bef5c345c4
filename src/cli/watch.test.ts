import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { processMark, startChild } from '../process.ts'
import { startSlack } from '../receivers/slack.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { tinyProject } from '../run/tiny-system.fixture.ts'
import { openSeriesStore } from '../watch/store/series-store.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import { commandLine } from './command-line.fixture.ts'
import { runProgram } from './program.ts'

const main = join(import.meta.dirname, 'main.ts')

const sections = {
  telemetry: {
    metrics: {
      tiny_errors: { type: 'gauge', help: 'Errors.', labels: ['route'], emittedBy: ['keeper'] },
    },
    labels: { route: ['/pay', '/cart'] },
  },
  alerts: {
    TooManyErrors: {
      when: 'tiny_errors > 5',
      severity: 'critical',
      summary: 'Errors at {{route}}',
      notify: ['desk'],
      runbook: 'RB-1',
      then: { scale: true },
    },
    NeverMeasured: { when: 'tiny_errors{route="/nowhere"} > 5', severity: 'low', notify: ['desk'] },
  },
  incidents: {
    channels: { desk: { kind: 'slack', reaches: 'the desk' } },
    routing: { groupInterval: '1s' },
    severities: { 'SEV-1': { meaning: 'Down', alerts: ['critical'], respondWithin: '15m' } },
  },
  runbooks: { 'RB-1': { title: 'Errors', severity: 'SEV-1', owner: 'the team', file: 'rb-1.md' } },
}

/** A system that runs with its database down: its service tells a figure that a test sets. */
async function watched(t: TestContext) {
  const tiny = await tinyProject({ needs: [], databaseRole: undefined, metrics: '/metrics' }, sections)
  const endings: (() => unknown)[] = [tiny.remove]
  // What writes into the folder ends before the folder goes.
  t.after(async () => {
    for (const end of endings.toReversed()) await end()
  })
  await writeFile(join(tiny.directory, 'rb-1.md'), '# Errors\n')
  const slack = await startSlack()
  endings.push(slack.stop)
  const figures = { errors: 0 }
  const service = createServer((_, response) => {
    response.end(`tiny_errors{route="/pay",patient="Ana"} ${figures.errors}\nsecret_total 1\n`)
  })
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  endings.push(() => {
    service.close()
    service.closeAllConnections()
  })
  const { port } = z.object({ port: z.int() }).parse(service.address())
  const nowhere = 'postgresql://nobody@127.0.0.1:1/none'
  await mkdir(developmentDirectory(tiny.project, 'tiny'), { recursive: true })
  await writeFile(
    join(developmentDirectory(tiny.project, 'tiny'), 'run.json'),
    JSON.stringify({
      pid: processMark(process.pid),
      adminUrl: nowhere,
      ownerUrl: nowhere,
      database: 'none',
      addresses: { keeper: `http://127.0.0.1:${port}` },
    }),
  )
  const env = { ...process.env, DESK_URL: slack.url }
  return {
    project: tiny.project,
    figures,
    slack,
    aval: (...argv: string[]) => commandLine(tiny.directory, ...argv),
    /** A watch within this process until the test ends; returns what it says. */
    watch: () => {
      const ending = new AbortController()
      const said = { text: '' }
      const say = (text: string) => {
        said.text += stripVTControlCharacters(text)
      }
      const ended = runProgram(['watch', 'tiny', '--every', '200ms'], {
        cwd: tiny.directory,
        home: tiny.directory,
        clock: systemClock,
        signal: ending.signal,
        interactive: false,
        exitWith: () => undefined,
        out: say,
        err: say,
      })
      endings.push(async () => {
        ending.abort()
        assert.equal(await ended, undefined, said.text)
      })
      return said
    },
    desk: () => {
      process.env['DESK_URL'] = slack.url
      endings.push(() => delete process.env['DESK_URL'])
    },
    /** `aval` as a process with the address of the desk. */
    run: async (...argv: string[]) => {
      const child = await startChild({ program: process.execPath, args: [main, ...argv], cwd: tiny.directory, env })
      endings.push(() => child.stop({ signal: 'SIGINT', graceMs: 10_000 }))
      const said = { text: '' }
      for (const stream of [child.process.stdout, child.process.stderr]) {
        stream?.on('data', (chunk: Buffer) => {
          said.text += stripVTControlCharacters(String(chunk))
        })
      }
      return { child, said }
    },
  }
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`)
    await systemClock.sleep(25)
  }
}

const answerSchema = z.array(
  z.object({
    labels: z.record(z.string(), z.string()),
    points: z.array(z.object({ atMs: z.number(), value: z.union([z.number(), z.string()]) })),
  }),
)

test('a figure over its bound reaches the desk, is explained, outlives a kill and is over when it is over', async (t) => {
  const { figures, slack, aval, run, watch, desk } = await watched(t)
  const first = await run('watch', 'tiny', '--every', '200ms')
  await until('it watches', () => first.said.text.includes('Watching tiny'))
  assert.match(first.said.text, /every 200ms: keeper, Postgres, this machine; 0 probes, 2 rules, 1 channel\./)

  const measured = async () => answerSchema.parse(JSON.parse((await aval('query', 'tiny_errors', '--json')).out))
  await until('it is measured', async () => {
    const { code, out } = await aval('query', 'tiny_errors', '--json')
    return code === 0 && out !== '[]\n'
  })
  const [series, ...others] = await measured()
  assert.deepEqual(others, [])
  assert.deepEqual(series?.labels, { __name__: 'tiny_errors', route: '/pay', job: 'keeper', instance: 'keeper' })
  const secret = await aval('query', 'secret_total + tiny_erors', '--json')
  assert.deepEqual([secret.code, secret.out], [0, '[]\n'])
  assert.match(secret.err, /has no series "secret_total", and there never was one/)
  assert.match(secret.err, /Nothing emits "tiny_erors"\. Did you mean tiny_errors\?/)
  assert.match((await aval('query', 'up{job="postgres"}')).out, /^0 /m)
  assert.match(
    (await aval('alerts', 'explain', 'TooManyErrors')).out,
    /^TooManyErrors is quiet\..*What to do: RB-1, Errors \(systems\/tiny\/rb-1\.md\)\n$/s,
  )

  figures.errors = 9
  await until('the desk is told', () => slack.shown.length === 1)
  assert.match(slack.shown[0] ?? '', /FIRING.*TooManyErrors: Errors at \/pay/)
  await until('all of it is said', () => /scale for TooManyErrors: by hand/.test(first.said.text))
  assert.match(first.said.text, /to desk: TooManyErrors \(route=\/pay\) firing/)
  assert.match(first.said.text, /incident 1 opened, SEV-1: Errors at \/pay/)
  assert.match(
    first.said.text,
    /scale for TooManyErrors: by hand, the plan names no command for it; RB-1 says what to do/,
  )
  assert.match(
    (await aval('alerts', 'explain', 'tiny', 'TooManyErrors')).out,
    /is firing\.\n {2}Firing \(route=\/pay\) since/,
  )
  assert.match((await aval('alerts', 'list', '--firing')).out, /^firing +critical +desk +TooManyErrors/m)

  process.kill(first.child.pid, 'SIGKILL')
  await first.child.ended
  figures.errors = 0
  desk()
  const second = watch()
  await until('the desk hears of the end', () => slack.shown.length === 2)
  assert.match(slack.shown[1] ?? '', /RESOLVED.*TooManyErrors/)
  const { code, err } = await aval('watch', 'tiny')
  assert.equal(code, 1)
  assert.match(err, new RegExp(`SERIES_STORE_HELD: .* written by process ${process.pid}`))
  assert.doesNotMatch(first.said.text + second.text + slack.shown.join(), /Ana|secret_total/)

  const span = answerSchema.parse(
    JSON.parse((await aval('query', 'max(tiny_errors)', '--from', '2m', '--step', '1s', '--json')).out),
  )
  assert.deepEqual([...new Set(span.flatMap(({ points }) => points.map(({ value }) => value)))].toSorted(), [0, 9])
})

test('a silence is kept, named and ended; its role and what it is about must be of the plan', async (t) => {
  const { aval, figures, watch, desk, slack } = await watched(t)
  desk()
  const silence = (...more: string[]) => aval('alerts', 'silence', 'tiny', ...more)
  const rest = ['--for', '1h', '--by', 'the team', '--why', 'a new release']
  assert.equal((await silence('--match', 'alert=TooManyErrors', '--for', '1h', '--by', 'Ana', '--why', 'x')).code, 2)
  assert.equal((await silence('--match', 'alert=~.*', ...rest)).code, 2)
  const misspelt = await silence('--match', 'alert=TooManyErors', ...rest)
  assert.deepEqual([misspelt.code, /Did you mean TooManyErrors\?/.test(misspelt.err)], [2, true])
  assert.match((await silence()).out, /Nothing is silenced/)
  const kept = await silence('--match', 'alert=TooManyErrors', ...rest, '--json')
  const [{ id } = { id: '' }] = z
    .array(z.object({ id: z.string(), until: z.iso.datetime() }))
    .parse(JSON.parse(kept.out))

  assert.match(kept.err, /Silenced until .*: TooManyErrors\.\nUntil then nobody is told, no incident opens/)
  const unwatched = await aval('alerts', 'list', '--json')
  assert.equal(unwatched.code, 3)
  assert.deepEqual(
    z
      .array(z.object({ alert: z.string(), state: z.string(), silencedUntil: z.string().nullable() }))
      .parse(JSON.parse(unwatched.out))
      .flatMap(({ alert, state, silencedUntil }) =>
        alert.startsWith('guarantee:') ? [] : [[alert, state, silencedUntil !== null]],
      ),
    [
      ['TooManyErrors', 'unwatched', true],
      ['NeverMeasured', 'unwatched', false],
    ],
  )
  assert.match(
    (await aval('alerts', 'list', '--firing')).out,
    /^Whether anything fires is not known: tiny was never watched, nothing\s+was\s+measured\s+and\s+nothing\s+judged\s+yet\.\n {2}aval watch tiny\n/,
  )

  figures.errors = 9
  const said = watch()
  await until('it is known to be silenced', async () =>
    (await aval('alerts', 'explain', 'TooManyErrors')).out.replace(/\s+/g, ' ').includes('silenced until'),
  )
  const brief = (await aval('alerts', 'list')).out
  assert.match(brief, /^firing, silenced +critical/m)
  assert.match(brief, /\d+ guarantees that nobody needs to be told of are not shown; --all lists them\.\n$/)
  assert.doesNotMatch(brief, /guarantee:/)
  assert.match((await aval('alerts', 'list', '--all')).out, /guarantee:/)
  assert.match((await aval('incident', 'list')).out, /There was no incident yet/)
  assert.deepEqual([slack.shown, /to desk/.test(said.text)], [[], false])
  assert.match(
    said.text,
    /TooManyErrors \(route=\/pay\) fires; silenced until .* by the team: nobody is told and no incident/,
  )
  assert.match((await silence('--end', id)).out, /Nothing is silenced/)
  await until('the desk is told', () => slack.shown.length === 1)
})

test('trying an alert says what each channel answered, and is marked as a test', async (t) => {
  const { aval, desk, run, slack } = await watched(t)
  const deaf = await aval('alerts', 'test', 'TooManyErrors')
  assert.equal(deaf.code, 1)
  assert.match(deaf.out, /desk +the desk +waits: not set: DESK_URL/)
  desk()
  const heard = await aval('alerts', 'test', 'tiny', 'TooManyErrors')
  assert.equal(heard.code, 0, heard.out)
  assert.match(heard.out, /desk +the desk +delivered/)
  assert.match(heard.out, /Sent from here, by the variables of this shell/)
  assert.match(slack.shown[0] ?? '', /^\[TEST\] \[FIRING\] .*test:TooManyErrors: TEST\. Errors at/)
  assert.match(slack.shown[1] ?? '', /^\[TEST\] \[RESOLVED\]/)
  assert.doesNotMatch(slack.shown.join(), /NaN/)

  delete process.env['DESK_URL']
  const watching = await run('watch', 'tiny', '--every', '200ms')
  await until('it watches', () => watching.said.text.includes('Watching tiny'))
  const byWatch = await aval('alerts', 'test', 'tiny', 'TooManyErrors')
  assert.equal(byWatch.code, 0, byWatch.out)
  assert.match(
    byWatch.out,
    new RegExp(`desk +the desk +delivered\\nSent by the watch, process ${watching.child.pid}, `),
  )
})

test('what can never fire is said, and what is not there is refused by name', async (t) => {
  const { aval, project } = await watched(t)
  const never = await aval('alerts', 'explain', 'NeverMeasured')
  assert.deepEqual([never.code, /It can never fire/.test(never.out)], [1, true])
  const unknown = await aval('alerts', 'explain', 'Misspelt')
  assert.equal(unknown.code, 2)
  assert.match(unknown.err, /There is no alert "Misspelt" in the plan of tiny: there are TooManyErrors, NeverMeasured/)
  assert.match((await aval('alerts', 'test', 'NeverMesured')).err, /did you mean NeverMeasured\?/)
  assert.match((await aval('alerts', 'explain', 'tiny')).err, /Say which alert of tiny/)
  assert.match((await aval('alerts', 'silence', 'NeverMeasured')).err, /Name an alert as --match alert=NeverMeasured\./)
  const unread = await aval('query', 'sum(')
  assert.deepEqual([unread.code, /At character \d+/.test(unread.err)], [2, true])
  const backwards = await aval('query', 'up', '--from', '1h', '--to', '2h')
  assert.deepEqual([backwards.code, /It ends before it begins: --from is /.test(backwards.err)], [2, true])
  assert.match((await aval('query', 'up')).err, /SERIES_STORE_MISSING/)

  // What a watch that ended leaves.
  openSeriesStore(watchDirectory(project, 'tiny'), 1).close()
  const { code, err } = await aval('query', 'tiny_errors')
  assert.deepEqual([code, err], [0, 'Now is not measured: tiny is watched by nobody now. Next: aval watch tiny\n'])
})

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../clock.ts'
import { parsePlan } from '../../plan/plan.ts'
import { markAlive, processMark } from '../../process.ts'
import { removeOldFiles } from './old-files.ts'
import { type CommandRun, runCommand } from './run-command.ts'

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'aval-carried-out-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function run(directory: string, script: string, other: Partial<CommandRun> = {}, within = 20_000) {
  const lines: string[] = []
  const ended = runCommand({
    means: { command: ['node', '-e', script], within, variables: ['CLOUD_TOKEN', 'NOT_SET'] },
    system: 'shop',
    directory,
    action: 'rollback',
    about: { alert: 'errors_high', labels: { service: 'api' } },
    environment: { PATH: process.env['PATH'], CLOUD_TOKEN: 'token', DATABASE_URL: 'secret' },
    clock: systemClock,
    signal: new AbortController().signal,
    told: (line) => lines.push(line),
    ...other,
  })
  return { ended, lines }
}

test('a command of the plan runs in the folder of the system, knows what it is about, and gets no variable but those it names', async (t) => {
  const directory = await folder(t)
  const script = 'console.log(process.cwd()); console.log(JSON.stringify(process.env))'
  const { ended, lines } = run(directory, script)
  assert.deepEqual(await ended, { state: 'done' })
  const [cwd, environment = ''] = lines
  assert.equal(cwd, directory)
  const { PATH, ...seen } = JSON.parse(environment)
  assert.equal(PATH, process.env['PATH'])
  assert.deepEqual(seen, {
    CLOUD_TOKEN: 'token',
    AVAL_SYSTEM: 'shop',
    AVAL_ACTION: 'rollback',
    AVAL_ALERT: 'errors_high',
    AVAL_LABEL_SERVICE: 'api',
  })
})

test('one that ends badly has failed, and says with what', async (t) => {
  assert.deepEqual(await run(await folder(t), 'process.exit(3)').ended, {
    state: 'failed',
    reason: 'ended with exit code 3',
  })
})

test('one that takes too long is ended, with all that it started', async (t) => {
  const script = `
    const { spawn } = require('node:child_process')
    console.log(spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']).pid)
    setInterval(() => {}, 1000)`
  const begun = Promise.withResolvers<ReturnType<typeof processMark>>()
  const late = Promise.withResolvers<void>()
  const clock = { now: systemClock.now, sleep: () => late.promise }
  const { ended } = run(
    await folder(t),
    script,
    { clock, told: (line) => begun.resolve(processMark(Number(line))) },
    60_000,
  )
  const grandchild = await begun.promise
  assert.ok(markAlive(grandchild))
  late.resolve()
  assert.deepEqual(await ended, { state: 'failed', reason: 'not done within 1m' })
  const deadline = Date.now() + 10_000
  while (markAlive(grandchild)) {
    assert.ok(Date.now() < deadline, 'what it started ends with it')
    await systemClock.sleep(10)
  }
})

test('one that the watch leaves behind is interrupted, for nobody knows how far it came', async (t) => {
  const ending = new AbortController()
  const told = () => ending.abort()
  const { ended } = run(await folder(t), "console.log('begun'); setInterval(() => {}, 1000)", {
    signal: ending.signal,
    told,
  })
  assert.deepEqual(await ended, { state: 'interrupted', reason: 'the watch ended' })
})

const now = Date.UTC(2026, 0, 31)
const old = new Date(now - 8 * 86_400_000)

function planOf(files: object) {
  const parsed = parsePlan({
    system: 'shop',
    database: { version: '16', size: '1GB', migrations: { layout: 'supabase', directory: 'migrations' } },
    incidents: { actions: { cleanUp: { files: { them: files } } } },
  })
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems))
  const declared = parsed.plan.incidents.actions.cleanUp?.files['them']
  assert.ok(declared)
  return { plan: parsed.plan, declared }
}

test('files that were not changed for as long as the plan says go; younger ones, folders and whatever a link leads to stay', async (t) => {
  const directory = await folder(t)
  const elsewhere = await folder(t)
  const at = (...names: string[]) => join(directory, 'exports', ...names)
  await mkdir(at('2025'), { recursive: true })
  for (const file of [at('young'), at('old'), at('2025', 'older'), join(elsewhere, 'kept')])
    await writeFile(file, 'four')
  for (const file of [at('old'), at('2025', 'older'), join(elsewhere, 'kept')]) await utimes(file, old, old)
  await utimes(at('young'), new Date(now), new Date(now - 7 * 86_400_000))
  await symlink(elsewhere, at('link'))
  const { plan, declared } = planOf({ in: 'exports', olderThan: '7d' })
  assert.deepEqual(await removeOldFiles(plan, directory, declared, now), { files: 2, bytes: 8 })
  const left = [at('young'), at('2025'), at('link'), join(elsewhere, 'kept')].map((file) => existsSync(file))
  assert.deepEqual(left, [true, true, true, true])
})

test('a folder outside of the system, or one that the plan is made of, is left alone', async (t) => {
  const directory = await folder(t)
  const elsewhere = await folder(t)
  await symlink(elsewhere, join(directory, 'away'))
  await mkdir(join(directory, 'migrations', 'old'), { recursive: true })
  for (const [folder, says] of [
    ['away', /leads outside/],
    ['migrations', /made of/],
    ['migrations/old', /made of/],
  ] as const) {
    const { plan, declared } = planOf({ in: folder, olderThan: '7d' })
    await assert.rejects(removeOldFiles(plan, directory, declared, now), says)
  }
  for (const folder of ['/tmp', '..', '../other', 'a/../../b', '.', './a']) {
    assert.ok(
      'problems' in
        parsePlan({
          system: 'shop',
          incidents: { actions: { cleanUp: { files: { them: { in: folder, olderThan: '7d' } } } } },
        }),
      folder,
    )
  }
})

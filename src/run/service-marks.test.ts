import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { systemClock } from '../clock.ts'
import { processMark, startChild } from '../process.ts'
import { reapServices, serviceMarks } from './service-marks.ts'

function marksFile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'aval-marks-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'services.json')
}

// Only where start times can be read are left processes ended at all.
const withoutStartTimes = existsSync('/proc/self/stat') ? false : 'this system does not tell when a process started'

const idle = { program: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] }
const stubborn = {
  program: process.execPath,
  args: ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('set')"],
}

test('a service whose owner was killed runs on, and the next start ends it', { skip: withoutStartTimes }, async (t) => {
  const file = marksFile(t)
  const marks = pathToFileURL(join(import.meta.dirname, 'service-marks.ts')).href
  const children = pathToFileURL(join(import.meta.dirname, '../process.ts')).href
  // An owner that starts a service, marks it and is killed before it can end it.
  const owner = await startChild({
    program: process.execPath,
    args: [
      '--input-type=module',
      '-e',
      `import { serviceMarks } from '${marks}'
       import { startChild } from '${children}'
       const child = await startChild({ program: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] })
       serviceMarks(${JSON.stringify(file)}).add('api', child.pid)
       console.log(child.pid)
       setInterval(() => {}, 1000)`,
    ],
  })
  const pid = await new Promise<number>((resolve) => {
    owner.process.stdout?.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())))
  })
  process.kill(owner.pid, 'SIGKILL')
  await owner.ended.catch(() => undefined)
  assert.ok(isRunning(pid), 'the service outlived its owner')
  assert.deepEqual(await reapServices(file, systemClock, () => undefined), ['api'])
  assert.ok(!isRunning(pid))
  assert.ok(!existsSync(file))
})

test('a left service that ignores SIGTERM is killed', { skip: withoutStartTimes }, async (t) => {
  const file = marksFile(t)
  const child = await startChild(stubborn)
  t.after(() => child.stop({ graceMs: 0 }))
  await new Promise((resolve) => child.process.stdout?.once('data', resolve))
  serviceMarks(file).add('api', child.pid)
  assert.deepEqual(await reapServices(file, systemClock, () => undefined, 200), ['api'])
  assert.equal((await child.ended).signal, 'SIGKILL')
})

test('a stranger that was given the number of a service of old is left alone', {
  skip: withoutStartTimes,
}, async (t) => {
  const file = marksFile(t)
  const stranger = await startChild(idle)
  t.after(() => stranger.stop())
  const mark = { ...processMark(stranger.pid), started: '1' }
  writeFileSync(file, JSON.stringify({ services: [{ service: 'api', mark }] }))
  assert.deepEqual(await reapServices(file, systemClock, () => undefined), [])
  assert.ok(isRunning(stranger.pid))
})

test('where the system tells no start times a process is reported and left alone', async (t) => {
  const file = marksFile(t)
  const child = await startChild(idle)
  t.after(() => child.stop())
  writeFileSync(file, JSON.stringify({ services: [{ service: 'api', mark: { pid: child.pid, started: null } }] }))
  const said: string[] = []
  assert.deepEqual(await reapServices(file, systemClock, (line) => said.push(line)), [])
  assert.deepEqual(said, [`api of an earlier run may still be running as process ${child.pid}`])
})

test('a file that holds no marks is reported, not followed', async (t) => {
  const file = marksFile(t)
  writeFileSync(file, '{"services":[{"service":"api","mark":{"pid":-1,"started":null}}]}')
  const said: string[] = []
  assert.deepEqual(await reapServices(file, systemClock, (line) => said.push(line)), [])
  assert.equal(said.length, 1)
})

test('the mark of a process that ended is taken away', async (t) => {
  const file = marksFile(t)
  const marks = serviceMarks(file)
  marks.add('api', process.pid)
  marks.add('web', process.ppid)
  marks.remove(process.pid)
  const kept = JSON.parse(readFileSync(file, 'utf8'))
  assert.deepEqual(
    kept.services.map((entry: { service: string }) => entry.service),
    ['web'],
  )
})

/** Running, and not merely waiting for its parent to ask how it ended. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return false
  }
}

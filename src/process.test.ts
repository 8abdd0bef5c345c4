import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { AvalError } from './errors.ts'
import { killGroup, markAlive, processExists, processMark, runOrFail, runToEnd, startChild } from './process.ts'

const node = process.execPath

/** Waits until something holds; fails after ten seconds. */
async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!holds()) {
    assert.ok(Date.now() < deadline, `${what} did not come about`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Whether a process runs; one that has ended and waits for its parent to notice does not. */
function runs(pid: number): boolean {
  return processExists(pid) && processMark(pid).started !== null && !isZombie(pid)
}

function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return true
  }
}

async function firstLine(stream: NodeJS.ReadableStream | null): Promise<string> {
  assert.ok(stream)
  const [chunk] = await once(stream, 'data')
  return String(chunk).split('\n', 1)[0] ?? ''
}

test('a program is run to its end and what it printed is returned, whatever its exit code', async () => {
  const result = await runToEnd({
    program: node,
    args: ['-e', 'console.log("out"); console.error("err"); process.exit(3)'],
  })
  assert.deepEqual(result, { code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' })
})

test('an environment that is given replaces that of Aval', async () => {
  const { stdout } = await runToEnd({
    program: node,
    args: ['-p', 'JSON.stringify(process.env)'],
    env: { ONLY: 'this' },
  })
  assert.equal(JSON.parse(stdout).ONLY, 'this')
  assert.equal(JSON.parse(stdout).PATH, undefined)
})

test('a program that fails is told with its last words', async () => {
  await assert.rejects(
    runOrFail({ program: node, args: ['-e', 'console.error("disk full"); process.exit(4)'] }),
    (error) => {
      assert.ok(error instanceof AvalError)
      assert.equal(error.code, 'PROCESS_FAILED')
      assert.match(error.message, /exit code 4/)
      assert.match(error.next, /disk full/)
      return true
    },
  )
})

test('a program that does not end in time is killed together with its children', async () => {
  const code = `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    require('node:fs').writeFileSync(process.argv[1], String(child.pid))
    setInterval(() => {}, 1000)`
  const note = join(tmpdir(), `aval-process-${process.pid}`)
  await assert.rejects(runToEnd({ program: node, args: ['-e', code, note], timeoutMs: 1_500 }), {
    code: 'PROCESS_TIMED_OUT',
  })
  const grandchild = Number(await readFile(note, 'utf8'))
  await rm(note)
  assert.ok(grandchild > 1)
  await eventually('the end of the grandchild', () => !runs(grandchild))
})

test('a program that is not there is told by name', async () => {
  await assert.rejects(startChild({ program: '/nowhere/postgres' }), (error) => {
    assert.ok(error instanceof AvalError)
    assert.equal(error.code, 'PROCESS_NOT_FOUND')
    assert.match(error.message, /\/nowhere\/postgres/)
    return true
  })
})

test('a child that is asked to stop may say goodbye', async () => {
  const code = 'process.on("SIGTERM", () => process.exit(9)); console.log("ready"); setInterval(() => {}, 1000)'
  const child = await startChild({ program: node, args: ['-e', code] })
  await firstLine(child.process.stdout)
  assert.deepEqual(await child.stop(), { code: 9, signal: null })
  assert.deepEqual(await child.stop(), { code: 9, signal: null }, 'stopping twice is no error')
  child.signal('SIGKILL')
})

test('a child that does not listen is killed after its grace', async () => {
  const code = 'process.on("SIGTERM", () => {}); console.log("ready"); setInterval(() => {}, 1000)'
  const child = await startChild({ program: node, args: ['-e', code] })
  await firstLine(child.process.stdout)
  assert.deepEqual(await child.stop({ graceMs: 100 }), { code: null, signal: 'SIGKILL' })
})

test('a child answers on a channel apart from what it prints', async () => {
  const code = 'console.log("noise"); require("node:fs").writeSync(3, "answer")'
  const child = await startChild({ program: node, args: ['-e', code], channel: true })
  child.process.stdout?.resume()
  const chunks: string[] = []
  child.process.stdio[3]?.on('data', (chunk) => chunks.push(String(chunk)))
  await child.ended
  assert.equal(chunks.join(''), 'answer')
})

test('what Aval leaves running when it exits is killed', async () => {
  const module = join(import.meta.dirname, 'process.ts')
  const code = `
    const { startChild } = await import(${JSON.stringify(module)})
    const child = await startChild({ program: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] })
    console.log(child.pid)
    process.exit(0)`
  const { stdout } = await runToEnd({ program: node, args: ['--input-type=module', '-e', code] })
  const pid = Number(stdout)
  assert.ok(pid > 1)
  await eventually('the end of the child', () => !runs(pid))
})

test('a mark tells a process from another that has its number', async () => {
  const mark = processMark(process.pid)
  assert.equal(markAlive(mark), true)
  if (mark.started !== null) assert.equal(markAlive({ ...mark, started: '1' }), false)
  const child = await startChild({ program: node, args: ['-e', ''] })
  const gone = processMark(child.pid)
  await child.ended
  assert.equal(markAlive(gone), false)
})

test('a group that is gone can be signalled without an error', async () => {
  const child = await startChild({ program: node, args: ['-e', ''] })
  await child.ended
  killGroup(child.pid, 'SIGTERM')
})

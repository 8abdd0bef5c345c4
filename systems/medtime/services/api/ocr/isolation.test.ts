import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openResult, seal } from '../../../client/ocr/seal.ts'
import { type Assignment, assignmentFrames, longestAnswer, readOutcome } from './child/frame.ts'
import { drawText } from './drawn-text.ts'
import { greyPng } from './grey-png.ts'
import { runIsolated } from './isolated-process.ts'
import { isolated, readingModule, trialModule } from './isolation.ts'
import { tryWalls } from './trial.ts'

const misbehaving = (name: string) => isolated(join(import.meta.dirname, `misbehaving/${name}.ts`))

function assignment(image: Uint8Array): Assignment {
  const [imageKey, resultKey] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
  const head = Uint8Array.of(1)
  return { imageKey, resultKey, head, sealed: seal(imageKey, image, head) }
}

/** Whether a process is there still; one that has ended and was not asked for is gone. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

test('behind the walls nothing gets out: no file, no socket, no process, no worker, no addon, no environment', async () => {
  assert.deepEqual(await tryWalls(), [])
})

test('without the walls the same attempts get out, so that the trial can tell', () => {
  const { stdout } = spawnSync(process.execPath, [trialModule], { env: { SECRET: '1' }, cwd: '/', encoding: 'utf8' })
  const out = stdout.split('\n').filter((line) => line !== '')
  const expected = ['write a file', 'change its own code', 'read other files', 'open a socket', 'start a process']
  for (const name of [...expected, 'start a worker', 'load an addon', 'use WASI', 'environment']) {
    assert.ok(out.includes(name), name)
  }
})

test('the kernel allows it no file and no core dump, and bounded memory and time', async (t) => {
  if (!existsSync('/proc/self/limits')) return t.skip('this system has no /proc')
  const command = misbehaving('wait')
  const child = spawn(command.program, command.args, { env: command.environment, stdio: ['pipe', 'pipe', 'ignore'] })
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const limits = readFileSync(`/proc/${child.pid}/limits`, 'utf8')
    const limit = (name: string) => new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(limits)?.slice(1)
    assert.deepEqual(limit('Max file size'), ['0', '0'])
    assert.deepEqual(limit('Max core file size'), ['0', '0'])
    assert.deepEqual(limit('Max cpu time'), ['60', '60'])
    assert.deepEqual(limit('Max open files'), ['64', '64'])
    assert.equal(limit('Max data size')?.[1], String(1_200_000 * 1_024))
    assert.equal(Number.parseInt(readFileSync(`/proc/${child.pid}/coredump_filter`, 'utf8'), 16), 0)
    assert.doesNotMatch(readFileSync(`/proc/${child.pid}/environ`, 'latin1'), /(PATH|HOME|DATABASE_URL)=/)
  } finally {
    child.stdin.end()
    await new Promise((resolve) => child.once('exit', resolve))
  }
})

test('its system calls open no file for writing, no socket, and start nothing', (t) => {
  const strace = '/usr/bin/strace'
  if (!existsSync(strace)) return t.skip('strace of Debian is not installed')
  const folder = mkdtempSync(join(tmpdir(), 'medtime-trace-'))
  try {
    const trace = join(folder, 'trace')
    const command = isolated(readingModule)
    const calls =
      'open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,truncate,ftruncate,socket,connect,bind,execve,execveat,ptrace,memfd_create'
    const { imageKey, resultKey, head, sealed } = assignment(greyPng(drawText(['Enalapril 10 mg'])))
    const { stdout, status } = spawnSync(
      strace,
      ['-f', '--seccomp-bpf', '-qq', '-e', `trace=${calls}`, '-o', trace, command.program, ...command.args],
      { env: {}, cwd: '/', input: Buffer.concat(assignmentFrames({ imageKey, resultKey, head, sealed })) },
    )
    const lines = readFileSync(trace, 'utf8').split('\n')
    if (status !== 0 && lines.some((line) => line.includes('PTRACE'))) return t.skip('tracing is not allowed here')
    const outcome = readOutcome(stdout)
    assert.ok('sealed' in outcome, 'it read the image')
    assert.match(Buffer.from(openResult(resultKey, outcome.sealed)).toString(), /Enalapril/)
    const node = lines.findIndex((line) => line.includes(`execve("${process.execPath}"`))
    assert.ok(node >= 0)
    // The shell before it wrote to /proc alone, to be left out of core dumps.
    const shell = lines.slice(0, node).filter((line) => /O_WRONLY|O_RDWR|O_CREAT/.test(line))
    for (const line of shell) assert.match(line, /"\/proc\/self\/coredump_filter"|"\/dev\/null"/)
    const rest = lines.slice(node + 1).filter((line) => line.trim() !== '')
    assert.ok(
      rest.some((line) => line.includes('spa.traineddata.gz') && line.includes('O_RDONLY')),
      'the trace sees opening',
    )
    for (const line of rest) {
      assert.doesNotMatch(line, /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE/)
      assert.match(line, /^\d+ +(?:open(?:at)?\(|<\.\.\. open|\+\+\+|---)/, 'nothing but opening for reading')
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('one that hangs, crashes, talks without end or takes all memory is ended and leaves nothing', async () => {
  const cases = { hang: 'timed-out', crash: 'died', talk: 'died', eat: 'died' } as const
  for (const [name, kind] of Object.entries(cases)) {
    let pid = 0
    const ending = await runIsolated({
      command: misbehaving(name),
      input: assignmentFrames(assignment(new Uint8Array(10))),
      timeoutMs: name === 'hang' ? 400 : 20_000,
      longestAnswer,
      onStart: (started) => {
        pid = started
      },
    })
    assert.equal(ending.kind, kind, name)
    assert.ok(pid > 0 && !isRunning(pid), name)
  }
})

test('it ends by itself when whoever started it is gone', async () => {
  // The one that is killed has started it and holds the other end of its input.
  const command = isolated(readingModule)
  const starter = spawn(
    process.execPath,
    [
      '-e',
      `const child = require('node:child_process').spawn(${JSON.stringify(command.program)}, ${JSON.stringify(command.args)}, { env: {} });
       console.log(child.pid); setInterval(() => {}, 1000)`,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const pid = await new Promise<number>((resolve) =>
    starter.stdout.once('data', (text: Buffer) => resolve(Number(text))),
  )
  assert.ok(isRunning(pid))
  starter.kill('SIGKILL')
  const deadline = Date.now() + 20_000
  while (isRunning(pid)) {
    assert.ok(Date.now() < deadline, 'it is still there')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})

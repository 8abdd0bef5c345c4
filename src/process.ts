import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { failure } from './errors.ts'

/*
 * Child processes that never outlive Aval by accident: each leads a group of its own, so that a signal reaches its children
 * too, and whatever still runs when Aval exits is killed. A kill -9 of Aval cannot be caught; whoever starts something that
 * must not survive it writes an owner's mark (`processMark`) beside it and reaps what a dead owner left.
 */

export interface ChildOptions {
  program: string
  args?: readonly string[]
  cwd?: string
  /** Replaces the environment altogether when given. */
  env?: NodeJS.ProcessEnv
  /** Account to run as, when Aval runs as root. */
  account?: { uid: number; gid: number }
  /** Opens file descriptor 3 of the child as `process.stdio[3]`: answers apart from whatever it prints. */
  channel?: boolean
}

export interface Child {
  pid: number
  process: ChildProcess
  /** Resolves when the process has ended and its streams are closed. Never rejects. */
  ended: Promise<Ending>
  /** Signals the whole group; nothing happens when it has ended. */
  signal(signal: NodeJS.Signals): void
  /** Asks with `signal`, waits, then kills. Resolves once the process has ended. */
  stop(options?: { signal?: NodeJS.Signals; graceMs?: number }): Promise<Ending>
}

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
}

const running = new Set<Child>()
let exitHook = false

/** Starts a child whose output arrives on pipes. Rejects with PROCESS_NOT_FOUND when the program is not there. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const settings: SpawnOptions = {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', ...(options.channel ? (['pipe'] as const) : [])],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.account ?? {}),
  }
  const child = spawn(options.program, [...(options.args ?? [])], settings)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => reject(failure('PROCESS_NOT_FOUND', { program: options.program }, { cause })))
  })
  const pid = child.pid
  if (pid === undefined) throw failure('PROCESS_NOT_FOUND', { program: options.program })

  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const signalGroup = (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) killGroup(pid, signal)
  }
  const handle: Child = {
    pid,
    process: child,
    ended,
    signal: signalGroup,
    stop: async ({ signal = 'SIGTERM', graceMs = 10_000 } = {}) => {
      signalGroup(signal)
      const timer = setTimeout(() => killGroup(pid, 'SIGKILL'), graceMs)
      const ending = await ended
      clearTimeout(timer)
      return ending
    },
  }
  running.add(handle)
  void ended.then(() => running.delete(handle))
  if (!exitHook) {
    exitHook = true
    process.on('exit', () => {
      for (const left of running) left.signal('SIGKILL')
    })
  }
  return handle
}

export interface RunOptions extends ChildOptions {
  /** Milliseconds before the child is killed; 60 000 unless told. */
  timeoutMs?: number
}

export interface RunResult extends Ending {
  stdout: string
  stderr: string
}

/** Runs a program to its end and returns what it printed; the exit code is the caller's to judge. */
export async function runToEnd(options: RunOptions): Promise<RunResult> {
  const child = await startChild(options)
  const timeoutMs = options.timeoutMs ?? 60_000
  const stdout = collect(child.process.stdout)
  const stderr = collect(child.process.stderr)
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    killGroup(child.pid, 'SIGKILL')
  }, timeoutMs)
  const ending = await child.ended
  clearTimeout(timer)
  if (timedOut) {
    const output = lastWords(stderr.text() || stdout.text())
    throw failure('PROCESS_TIMED_OUT', { program: options.program, seconds: timeoutMs / 1000, output })
  }
  return { ...ending, stdout: stdout.text(), stderr: stderr.text() }
}

/** As `runToEnd`, but anything other than exit code 0 is the error PROCESS_FAILED. */
export async function runOrFail(options: RunOptions): Promise<RunResult> {
  const result = await runToEnd(options)
  if (result.code === 0) return result
  const outcome = result.signal ? `signal ${result.signal}` : `exit code ${result.code}`
  throw failure('PROCESS_FAILED', {
    program: options.program,
    outcome,
    output: lastWords(result.stderr || result.stdout),
  })
}

/** Sends a signal to a process group; a group that is already gone is not an error. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/** Whether a process with this number exists, whoever owns it. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !isGone(error)
  }
}

/** A process number together with its start time: numbers are reused, marks are not. */
export interface ProcessMark {
  pid: number
  /** Clock ticks after boot on Linux; null where the system does not tell. */
  started: string | null
}

export function processMark(pid: number): ProcessMark {
  return { pid, started: startTime(pid) }
}

/** Whether the very process of the mark still runs. */
export function markAlive(mark: ProcessMark): boolean {
  if (!processExists(mark.pid) || isZombie(mark.pid)) return false
  const started = startTime(mark.pid)
  return started === null || mark.started === null || started === mark.started
}

function startTime(pid: number): string | null {
  // starttime is the 22nd field.
  return statFields(pid)[19] ?? null
}

/** Ended, but not yet collected by its parent; in a container whose first process collects nobody that lasts for ever. */
function isZombie(pid: number): boolean {
  return statFields(pid)[0] === 'Z'
}

/** The fields of /proc/<pid>/stat from the third on; none where the system has no such file. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command name, the second field, may hold spaces and parentheses; the others start after the last one.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ESRCH'
}

function collect(stream: NodeJS.ReadableStream | null): { text(): string } {
  const chunks: Buffer[] = []
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { text: () => Buffer.concat(chunks).toString('utf8') }
}

function lastWords(output: string): string {
  return output.trim().split('\n').slice(-5).join('\n    ')
}

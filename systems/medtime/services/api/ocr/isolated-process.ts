import { spawn } from 'node:child_process'
import type { Command } from './isolation.ts'

export type Ending =
  | { kind: 'answered'; answer: Buffer }
  /** It did not end in time and was killed. */
  | { kind: 'timed-out' }
  /** Whoever asked went away; it was killed. */
  | { kind: 'cancelled' }
  /** It crashed, was killed, or said more than it may. */
  | { kind: 'died' }

export interface IsolatedRun {
  command: Command
  /** Written to its standard input, which is then kept open: that it closes tells the process that this one is gone. */
  input: readonly Uint8Array[]
  timeoutMs: number
  longestAnswer: number
  signal?: AbortSignal
  /** Told the process id once it runs. */
  onStart?: (pid: number) => void
}

/**
 * Starts a process for one task, and returns when it has ended: however this goes, nothing is left running. What it writes to
 * standard error is thrown away, since it may tell of an image.
 */
export async function runIsolated(run: IsolatedRun): Promise<Ending> {
  const { command, input, timeoutMs, longestAnswer, signal } = run
  if (signal?.aborted === true) return { kind: 'cancelled' }
  const child = spawn(command.program, command.args, {
    env: command.environment,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', (code) => resolve(code))
  })
  let ending: Ending | undefined
  const stop = (reason: Ending) => {
    ending ??= reason
    child.kill('SIGKILL')
  }
  const timer = setTimeout(() => stop({ kind: 'timed-out' }), timeoutMs)
  const cancel = () => stop({ kind: 'cancelled' })
  signal?.addEventListener('abort', cancel, { once: true })
  const chunks: Buffer[] = []
  let length = 0
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    length += chunk.length
    if (length > longestAnswer) stop({ kind: 'died' })
  })
  // It may end before it has read everything.
  child.stdin.on('error', () => undefined)
  if (child.pid !== undefined) run.onStart?.(child.pid)
  for (const bytes of input) child.stdin.write(bytes)
  try {
    const code = await ended
    return ending ?? (code === 0 ? { kind: 'answered', answer: Buffer.concat(chunks) } : { kind: 'died' })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    child.stdin.destroy()
  }
}

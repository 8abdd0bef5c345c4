import { setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { startChild } from '../process.ts'
import { mainProgram } from './main-program.ts'

/** Behind whatever serves people. */
const niceness = 10
/** An interrupted proof stops servers and removes what it made. */
const graceMs = 60_000

/**
 * Runs another command of this Aval in a process of its own, so that its memory, its load and its end are not ours.
 * @param told every line it prints.
 * @returns its exit code; 1 when a signal ended it.
 */
export async function runAval(
  command: readonly string[],
  cwd: string,
  signal: AbortSignal,
  told: (line: string) => void,
): Promise<number> {
  const child = await startChild({
    program: process.execPath,
    args: [...process.execArgv, mainProgram, ...command],
    cwd,
    env: { ...process.env, CI: '1' },
  })
  try {
    setPriority(child.pid, niceness)
  } catch {
    // It ended already, or the system has no priorities.
  }
  for (const stream of [child.process.stdout, child.process.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', told)
  }
  const stop = () => void child.stop({ graceMs })
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const { code } = await child.ended
  signal.removeEventListener('abort', stop)
  return code ?? 1
}

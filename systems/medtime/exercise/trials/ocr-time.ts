import type { Trial } from 'aval'
import { runToEnd } from '../../../../src/process.ts'
import { readingModule } from '../../services/api/ocr/isolation.ts'
import { postImage } from './ocr-image.ts'
import { prescriptionOf } from './prescription-image.ts'
import { differences, type TrialTools } from './trial-tools.ts'

/*
 * How long an image may take. The process that reads one is stopped where it stands and goes on when it is let go, so that only the clock of
 * the service decides. This takes the half minute that it is about.
 */

const allowedMs = 30_000
/** How much later than that the refusal may come, on a machine that is busy; and how much earlier a reading is let go. */
const toleranceMs = 2_500
const heldMs = allowedMs - 3_000

/** Processes below this one that read an image: those of the services that a proof has started. */
async function readers(): Promise<number[]> {
  const { stdout } = await runToEnd({ program: 'ps', args: ['-axww', '-o', 'pid=,ppid=,command='] })
  const all = [...stdout.matchAll(/^\s*(\d+)\s+(\d+)\s+(.*)$/gm)].map(([, pid, parent, command = '']) => ({
    pid: Number(pid),
    parent: Number(parent),
    command,
  }))
  const below = new Set([process.pid])
  for (let size = 0; size < below.size; ) {
    size = below.size
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid)
  }
  return all.filter(({ pid, command }) => below.has(pid) && command.endsWith(readingModule)).map(({ pid }) => pid)
}

/** Stops the next process that begins to read. @throws when none begins in time */
async function stopNext(known: readonly number[], { now }: TrialTools): Promise<number> {
  const deadline = now() + 10_000
  while (now() < deadline) {
    const found = (await readers()).find((pid) => !known.includes(pid))
    if (found !== undefined) {
      process.kill(found, 'SIGSTOP')
      return found
    }
  }
  throw new Error('no process began to read an image')
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** How an image of a user ends, and after how many milliseconds. */
async function timed(tools: TrialTools, signal: AbortSignal) {
  const startedAt = performance.now()
  const answer = await postImage(tools, tools.newId(), prescriptionOf(), signal)
  return { answer, tookMs: performance.now() - startedAt }
}

async function tryTime(tools: TrialTools, signal: AbortSignal): Promise<string[]> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(allowedMs + 15_000)])
  // The first key is given out after a trial of its own, which would count as time that an image took.
  await postImage(tools, tools.newId(), prescriptionOf(), patience)
  const [held, kept] = [timed(tools, patience), timed(tools, patience)]
  const one = await stopNext([], tools)
  const other = await stopNext([one], tools)
  try {
    await new Promise((resolve) => setTimeout(resolve, heldMs))
    // Either may belong to either request: one is let go and one is not.
    process.kill(one, 'SIGCONT')
    const [early, late] = (await Promise.all([held, kept])).sort((a, b) => a.tookMs - b.tookMs)
    return differences(
      ['the one that was let go', early?.answer, { status: 200 }],
      ['the one that was not', late?.answer, { status: 504, code: 'TIMEOUT' }],
      ['the one that was not, ended in time', isAbout(late?.tookMs ?? 0), true],
      ['its process, ended', alive(other), false],
    )
  } finally {
    for (const pid of [one, other]) if (alive(pid)) process.kill(pid, 'SIGKILL')
  }
}

const isAbout = (tookMs: number): boolean => tookMs >= allowedMs && tookMs < allowedMs + toleranceMs

export const ocrTime = (tools: TrialTools): Trial => ({
  id: 'limits-ocr_time/stopped',
  promise: 'limits/ocr_time',
  title: 'An image that takes 27 seconds and what is left to do is read, and one that takes more than 30 is ended',
  run: (signal) => tryTime(tools, signal),
})

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { processExists } from '../process.ts'
import { serverProcesses } from './server-processes.ts'

/**
 * Clears the way for a start: ends the server that an Aval killed without warning left running, and removes a pid file whose
 * number now belongs to a stranger, who is left alone. A pid file whose process is gone stays: Postgres itself reads from it
 * whether shared memory is still in use.
 * @param abandoned whether the directory's last owner died; else a server that runs there is somebody else's.
 * @throws POSTGRES_RUNNING_ELSEWHERE
 */
export async function clearLeftover(dataDirectory: string, abandoned: boolean, clock: Clock): Promise<void> {
  const running = await serverProcesses(dataDirectory)
  const first = running[0]
  if (first !== undefined) {
    if (!abandoned) throw failure('POSTGRES_RUNNING_ELSEWHERE', { directory: dataDirectory, pid: first.pid })
    await endLeftover(dataDirectory, clock)
  }
  const pid = await postmasterPid(dataDirectory)
  if (pid !== undefined && processExists(pid)) await rm(join(dataDirectory, 'postmaster.pid'), { force: true })
}

/** A signal to everything that belongs to the server now, the postmaster first; what has ended meanwhile is passed over. */
export async function signalServer(dataDirectory: string, signal: NodeJS.Signals): Promise<void> {
  for (const { pid } of await serverProcesses(dataDirectory)) signalProcess(pid, signal)
}

/** SIGKILL to everything that belongs to the server, until nothing does, and the end of the memory that its processes shared. */
export async function killServer(dataDirectory: string, clock: Clock): Promise<void> {
  const segments = new Set<string>()
  for (;;) {
    // The postmaster is first in the list: once it is gone it starts no more children.
    const left = await serverProcesses(dataDirectory)
    if (left.length === 0) break
    for (const { pid } of left) for (const segment of await sharedMemory(pid)) segments.add(segment)
    for (const { pid } of left) signalProcess(pid, 'SIGKILL')
    await clock.sleep(10)
  }
  for (const segment of segments) await rm(segment, { force: true })
}

/**
 * The segments of dynamic shared memory that a process of a server has in use, as files. A server that is killed leaves them, a megabyte or
 * more, until one begins in the same directory; where the directory is removed nobody else ever does.
 */
async function sharedMemory(pid: number): Promise<string[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '')
  return maps.match(/\/dev\/shm\/PostgreSQL\.\d+/g) ?? []
}

async function endLeftover(dataDirectory: string, clock: Clock): Promise<void> {
  const steps = [
    { signal: 'SIGINT', ms: 30_000 },
    { signal: 'SIGQUIT', ms: 5_000 },
  ] as const
  for (const { signal, ms } of steps) {
    const running = await serverProcesses(dataDirectory)
    const postmaster = running.find(({ role }) => role === 'postmaster')
    // Without a postmaster the children are already on their way out; asking them one by one only hurries them.
    for (const { pid } of postmaster ? [postmaster] : running) signalProcess(pid, signal)
    const deadline = clock.now() + ms
    while (clock.now() < deadline) {
      if ((await serverProcesses(dataDirectory)).length === 0) return
      await clock.sleep(20)
    }
  }
  await killServer(dataDirectory, clock)
}

/** First line of postmaster.pid; undefined without the file or with nonsense in it. */
async function postmasterPid(dataDirectory: string): Promise<number | undefined> {
  const text = await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number(text.split('\n')[0])
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

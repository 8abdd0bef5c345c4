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

/** SIGKILL to everything that belongs to the server, until nothing does. */
export async function killServer(dataDirectory: string, clock: Clock): Promise<void> {
  for (;;) {
    // The postmaster is first in the list: once it is gone it starts no more children.
    const left = await serverProcesses(dataDirectory)
    if (left.length === 0) return
    for (const { pid } of left) signalProcess(pid, 'SIGKILL')
    await clock.sleep(10)
  }
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

import { spawn, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** Whether the system's calls can be traced here. */
export function canTrace(): boolean {
  return spawnSync('strace', ['-V']).status === 0
}

/**
 * Counts how often processes have the system write to disk (fsync and its kin) while something is done.
 * @param log a file to trace into
 */
export async function diskSyncs(pids: readonly number[], log: string, work: () => Promise<void>): Promise<number> {
  const flags = ['-f', '-e', 'trace=fsync,fdatasync,sync_file_range,msync', '-o', log]
  const tracer = spawn('strace', [...flags, ...pids.flatMap((pid) => ['-p', String(pid)])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => tracer.once('close', () => resolve()))
  let said = ''
  const attached = new Promise<void>((resolve, reject) => {
    tracer.once('error', reject)
    tracer.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (pids.every((pid) => new RegExp(`Process ${pid} attached`).test(said))) resolve()
    })
    void ended.then(() => reject(new Error(`strace ended: ${said}`)))
  })
  try {
    await attached
    await work()
  } finally {
    tracer.kill('SIGINT')
    await ended
  }
  // A call that another thread interrupts is told of twice; its second line has no arguments.
  return (await readFile(log, 'utf8')).match(/ (fsync|fdatasync|sync_file_range|msync)\(/g)?.length ?? 0
}

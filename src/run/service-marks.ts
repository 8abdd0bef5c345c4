import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { killGroup, markAlive, type ProcessMark, processMark } from '../process.ts'

/*
 * A kill -9 of Aval leaves its services running. Each is therefore written down while it runs, as a process mark, and what a
 * dead owner left is ended at the next start. A process is never looked for by name or port: only the very process of a mark
 * is touched.
 */

const markSchema = z.object({ pid: z.int().positive(), started: z.string().nullable() })
const fileSchema = z.object({ services: z.array(z.object({ service: z.string(), mark: markSchema })) })

/** The file of marks. Its owner alone writes it; whoever calls holds the environment's owner lock. */
export interface ServiceMarks {
  add(service: string, pid: number): void
  remove(pid: number): void
  /** Nothing is left: removes the file. */
  clear(): void
}

export function serviceMarks(file: string): ServiceMarks {
  let kept: { service: string; mark: ProcessMark }[] = []
  const write = () => {
    const temporary = `${file}.new`
    writeFileSync(temporary, `${JSON.stringify({ services: kept }, null, 2)}\n`, { mode: 0o600 })
    renameSync(temporary, file)
  }
  return {
    add: (service, pid) => {
      kept = [...kept, { service, mark: processMark(pid) }]
      write()
    },
    remove: (pid) => {
      kept = kept.filter((entry) => entry.mark.pid !== pid)
      try {
        write()
      } catch {
        // On a full disk the mark of an ended process stays, which harms nobody: it is never alive again.
      }
    },
    clear: () => rmSync(file, { force: true }),
  }
}

/**
 * Ends the services that a dead owner left running: SIGTERM to the process group of each, SIGKILL after `graceMs`.
 * A mark without a start time (where the system does not tell one) is reported and left alone, since its number may belong
 * to a stranger by now.
 * @returns names of the services that were ended.
 */
export async function reapServices(
  file: string,
  clock: Clock,
  log: (line: string) => void,
  graceMs = 5_000,
): Promise<string[]> {
  const left = readMarks(file, log).filter(({ mark }) => markAlive(mark))
  const sure = left.filter(({ mark }) => mark.started !== null)
  for (const { service, mark } of left) {
    if (mark.started === null) log(`${service} of an earlier run may still be running as process ${mark.pid}`)
  }
  for (const { mark } of sure) killGroup(mark.pid, 'SIGTERM')
  const deadline = clock.now() + graceMs
  const alive = () => sure.filter(({ mark }) => markAlive(mark) && !isZombie(mark.pid))
  while (alive().length > 0 && clock.now() < deadline) await clock.sleep(20)
  for (const { mark } of alive()) killGroup(mark.pid, 'SIGKILL')
  while (alive().length > 0) await clock.sleep(20)
  rmSync(file, { force: true })
  return sure.map(({ service }) => service)
}

function readMarks(file: string, log: (line: string) => void): z.infer<typeof fileSchema>['services'] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return []
  }
  try {
    return fileSchema.parse(JSON.parse(text)).services
  } catch {
    log(`${file} cannot be read; services of an earlier run may still be running`)
    return []
  }
}

/** A process that has ended but whose parent has not asked how: it holds nothing any more. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    return false
  }
}

import { readFile } from 'node:fs/promises'
import type { Contender } from './contender.ts'

/** Linux counts in hundredths of a second, on every architecture it runs on here. */
const tickMs = 10

/** Milliseconds of a processor that each of a contender's processes has had so far; empty where there is no /proc. */
export type ProcessorTimes = Map<number, number>

export async function processorTimes(contender: Pick<Contender, 'processes'>): Promise<ProcessorTimes> {
  const times: ProcessorTimes = new Map()
  for (const pid of await contender.processes()) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    if (stat === undefined) continue
    // The name, in brackets, may hold spaces; utime and stime are the 12th and 13th of what follows.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    times.set(pid, (Number(fields[11]) + Number(fields[12])) * tickMs)
  }
  return times
}

/** What came on top; a process that was not there before began at nothing. */
export function processorMs(before: ProcessorTimes, after: ProcessorTimes): number {
  return [...after].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0)
}

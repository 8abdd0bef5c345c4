import { readFile, statfs } from 'node:fs/promises'
import { cpus } from 'node:os'
import { type Reading, reading, type Target } from '../reading.ts'

/** What a machine tells of itself. */
export interface HostSource {
  /** Milliseconds of processor time since the start, all processors together. */
  processor(): { busyMs: number; totalMs: number; count: number }
  /** Undefined where the system does not tell. */
  memory(): Promise<{ usedBytes: number; totalBytes: number } | undefined>
  disk(path: string): Promise<{ usedBytes: number; totalBytes: number }>
  /** Seconds of processor time that living processes have used; undefined where the system does not tell. */
  processSeconds(pids: readonly number[]): Promise<number | undefined>
}

/**
 * Processor, memory and disk of the machine. It asks nothing else: whatever hangs, the machine has figures.
 * @param dataPath where the database lies.
 */
export function hostTarget(options: {
  instance: string
  everyMs: number
  timeoutMs: number
  dataPath: string
  source: HostSource
}): Target {
  const { instance, everyMs, timeoutMs, dataPath, source } = options
  let before: { busyMs: number; totalMs: number } | undefined
  return {
    job: 'host',
    instance,
    everyMs,
    timeoutMs,
    own: true,
    read: async () => {
      const readings: Reading[] = []
      const now = source.processor()
      if (before && now.totalMs > before.totalMs) {
        const ratio = (now.busyMs - before.busyMs) / (now.totalMs - before.totalMs)
        readings.push(reading('cpu_usage_ratio', ratio), reading('aval_host_cpu_usage_ratio', ratio))
      }
      before = now
      const memory = await source.memory()
      if (memory) readings.push(...both('memory_usage_ratio', memory.usedBytes / memory.totalBytes))
      const disk = await source.disk(dataPath)
      readings.push(...both('disk_usage_ratio', disk.usedBytes / disk.totalBytes))
      return readings
    },
  }
}

const both = (name: string, value: number) => [reading(name, value), reading(`aval_host_${name}`, value)]

/** This machine; memory and processes as Linux tells them. */
export const thisHost: HostSource = {
  processor: () => {
    const all = cpus()
    const times = all.map(({ times }) => times)
    const idleMs = times.reduce((sum, { idle }) => sum + idle, 0)
    const totalMs = times.reduce((sum, { idle, user, nice, sys, irq }) => sum + idle + user + nice + sys + irq, 0)
    return { busyMs: totalMs - idleMs, totalMs, count: all.length }
  },
  memory: async () => {
    const text = await readFile('/proc/meminfo', 'utf8').catch(() => '')
    const bytes = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1]) * 1024
    const totalBytes = bytes('MemTotal')
    const usedBytes = totalBytes - bytes('MemAvailable')
    return Number.isFinite(usedBytes) ? { usedBytes, totalBytes } : undefined
  },
  disk: async (path) => {
    const { blocks, bfree, bavail, bsize } = await statfs(path)
    // As df counts: what only root may use is neither used nor there to be used.
    const used = blocks - bfree
    return { usedBytes: used * bsize, totalBytes: (used + bavail) * bsize }
  },
  processSeconds: async (pids) => {
    const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
    const told = stats.filter((stat) => stat !== '')
    if (told.length === 0) return undefined
    // utime and stime are the 14th and 15th field, in hundredths; the command's name, the second, may hold spaces.
    const ticks = told.map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' '))
    return ticks.reduce((sum, fields) => sum + (Number(fields[11]) + Number(fields[12])) / 100, 0)
  },
}

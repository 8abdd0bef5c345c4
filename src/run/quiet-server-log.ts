import type { Clock } from '../clock.ts'

/*
 * A server's log for a person who watches. What Postgres writes by routine says nothing and drowns what does: checkpoints, every few minutes on two
 * servers; a standby that cannot follow, the same four lines five times a second.
 */

const routine = /^LOG: (checkpoint|restartpoint) (starting|complete)|^LOG: recovery restart point at /
/** What the server's own processes say; messages of sessions carry a code, or are measurements that each count. */
const own = /^(FATAL|LOG): (?!duration:|process \d|temporary file:)/

const windowMs = 60_000
/** So many lines alike pass in a minute. */
const passes = 3

/** Leaves out routine, and of lines that differ in numbers only all beyond a few a minute, whose count the next one tells. */
export function quietServerLog(log: (line: string) => void, clock: Pick<Clock, 'now'>): (line: string) => void {
  const seen = new Map<string, { since: number; shown: number; withheld: number }>()
  /** Whether a line of its own is told, or nothing; counts it. */
  const tell = (line: string): string | undefined => {
    if (routine.test(line)) return undefined
    if (!own.test(line)) return line
    const kind = line.replace(/[0-9A-F]*[0-9][0-9A-F/]*/g, '#')
    const now = clock.now()
    const known = seen.get(kind)
    if (known === undefined || now - known.since >= windowMs) {
      seen.set(kind, { since: now, shown: 1, withheld: 0 })
      return known?.withheld ? `${line} (and ${known.withheld} more like it before)` : line
    }
    if (known.shown++ < passes) return line
    return known.withheld++ === 0 ? `${line} (again and again; shown once a minute from here)` : undefined
  }
  let hidden = false
  return (line) => {
    // A further line of the message before begins with a tab.
    const told = line.startsWith('\t') ? (hidden ? undefined : line) : tell(line)
    hidden = told === undefined
    if (told !== undefined) log(told)
  }
}

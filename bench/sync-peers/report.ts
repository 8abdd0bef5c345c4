import { percentile } from '../../src/prove/percentile.ts'
import type { Contender } from './contender.ts'
import type { Devices, MeasuredTurn, Operation, Size } from './devices.ts'
import type { Seen } from './seen.ts'

/** How many times the throughput of the best durable peer is wanted. */
const target = 3

export interface Subject {
  contender: Contender
  devices: Devices
  seen: Seen
}

/** What every contender did at one load, in its turns. */
export interface Level {
  operation: Operation
  size: Size
  connections: number
  runs: Map<Subject, MeasuredTurn[]>
}

const rate = ({ latencies, seconds }: MeasuredTurn) => latencies.length / seconds

/** Milliseconds of a processor that one request took, which other work on the machine lengthens little. */
function ofRequest(runs: readonly MeasuredTurn[], whose: 'contenderMs' | 'generatorMs'): number {
  const answered = runs.reduce((sum, { latencies }) => sum + latencies.length, 0)
  return runs.reduce((sum, run) => sum + run[whose], 0) / answered
}

/** One contender's turns over another's of the same round, which met the same machine. */
function ratios(level: Level, ours: Subject, theirs: Subject): number[] {
  const others = level.runs.get(theirs) ?? []
  return (level.runs.get(ours) ?? []).flatMap((run, round) => {
    const other = others[round]
    return other === undefined ? [] : [rate(run) / rate(other)]
  })
}

function latency(level: Level, subject: Subject, percent: number): number {
  return percentile(
    (level.runs.get(subject) ?? []).flatMap(({ latencies }) => latencies),
    percent,
  )
}

/** Prints what each contender did at one load, MedTime being the first. */
export function printLevel(level: Level, subjects: readonly Subject[]): void {
  const [ours] = subjects
  for (const subject of subjects) {
    const runs = level.runs.get(subject) ?? []
    const requests = percentile(runs.map(rate), 50)
    const answered = runs.reduce((sum, { latencies }) => sum + latencies.length, 0)
    console.log(
      [
        `${level.operation} ${String(level.size).padStart(2)}`,
        `${String(level.connections).padStart(2)} connections`,
        subject.contender.name.padEnd(14),
        `n=${String(answered).padStart(5)}`,
        `P50 ${latency(level, subject, 50).toFixed(1).padStart(7)} ms`,
        `P99 ${latency(level, subject, 99).toFixed(1).padStart(7)} ms`,
        `${requests.toFixed(0).padStart(6)} requests/s`,
        `${(requests * level.size).toFixed(0).padStart(7)} entities/s`,
        `processor ${ofRequest(runs, 'contenderMs').toFixed(2)} ms, asking ${ofRequest(runs, 'generatorMs').toFixed(2)} ms`,
        ours === undefined || subject === ours
          ? ''
          : `medtime is ${percentile(ratios(level, ours, subject), 50).toFixed(2)} times that`,
      ].join('  '),
    )
  }
}

/** Whether MedTime is as fast as it should be against one peer at all loads of one kind; says so. */
function verdict(levels: readonly Level[], ours: Subject, peer: Subject, wanted: number): boolean {
  const all = levels.flatMap((level) => ratios(level, ours, peer))
  const ratio = percentile(all, 50)
  const tails = levels.map((level) => ({
    connections: level.connections,
    ours: latency(level, ours, 99),
    theirs: latency(level, peer, 99),
  }))
  // What holds nothing is only to be outdone in throughput.
  const later = peer.contender.keeps === 'on disk' && tails.some((tail) => tail.ours > tail.theirs)
  const met = ratio >= wanted && !later
  const [level] = levels
  const processor = (subject: Subject) =>
    ofRequest(
      levels.flatMap(({ runs }) => runs.get(subject) ?? []),
      'contenderMs',
    )
  console.log(
    `${level?.operation} ${String(level?.size).padStart(2)}: ${ratio.toFixed(2)} times ${peer.contender.name} ` +
      `(median of ${all.length} pairs of turns, ${percentile(all, 10).toFixed(2)} to ${percentile(all, 90).toFixed(2)} for eight in ten), wanted ${wanted}; ` +
      `P99 ${tails.map((tail) => `${tail.ours.toFixed(1)} to ${tail.theirs.toFixed(1)} ms at ${tail.connections}`).join(', ')}; ` +
      `processor ${processor(ours).toFixed(2)} to ${processor(peer).toFixed(2)} ms a request  ${met ? 'met' : 'missed'}`,
  )
  return met
}

/**
 * Judges MedTime at each kind of load: against the durable peer that comes nearest to it, and against what is in memory. Says so.
 * @returns whether it is what it should be at all of them
 */
export function verdicts(levels: readonly Level[], ours: Subject, peers: readonly Subject[]): boolean {
  const met = [true]
  for (const own of Map.groupBy(levels, ({ operation, size }) => `${operation} ${size}`).values()) {
    const against = (peer: Subject) =>
      percentile(
        own.flatMap((level) => ratios(level, ours, peer)),
        50,
      )
    const [best] = peers
      .filter(({ contender }) => contender.keeps === 'on disk')
      .toSorted((one, other) => against(one) - against(other))
    if (best) met.push(verdict(own, ours, best, target))
    for (const peer of peers.filter(({ contender }) => contender.keeps === 'in memory'))
      met.push(verdict(own, ours, peer, 1))
  }
  return met.every(Boolean)
}

/** Prints what each contender does for a request, by its own words and as seen here. */
export function tellDifferences(subjects: readonly Subject[]): void {
  for (const { contender, seen } of subjects) {
    const { knows, commits, compares, pulls } = contender.work
    const { syncs } = seen
    const waits = syncs
      ? `${syncs.push.toFixed(1)} a push, ${syncs.pull.toFixed(1)} a pull`
      : 'uncounted without strace'
    console.log(
      `${contender.name} (${contender.version})${contender.keeps === 'on disk' ? '' : `, outside of the target: ${contender.keeps}`}`,
    )
    console.log(`  knows its user by: ${knows}`)
    console.log(`  commits: ${commits}; waits for the disk: ${waits}`)
    console.log(`  compares: ${compares}; a write over what its writer has not seen is ${seen.stale}`)
    console.log(`  pulls: ${pulls}`)
  }
  console.log()
}

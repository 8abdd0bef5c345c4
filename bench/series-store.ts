import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realisticRounds } from '../src/watch/store/realistic-series.fixture.ts'
import { openSeriesStore } from '../src/watch/store/series-store.ts'

/*
 * The store of series at its full size: `node bench/series-store.ts [days] [seed]`. 500 series at 15 s for 30 days, their size on the
 * disk, a selection of all of them over 24 h; then 10,000 series and a look at the newest of each.
 */
const [days = '30', seed = '1'] = process.argv.slice(2)
const intervalMs = 15_000
const everything = [{ label: '__name__', op: '=~' as const, value: 'figure_.*' }]

/** Wall and processor time: on a busy machine they differ. */
function timed<T>(what: string, work: () => T): T {
  const before = process.cpuUsage()
  const began = performance.now()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  console.log(
    `${what}: ${(performance.now() - began).toFixed(0)} ms, ${((user + system) / 1000).toFixed(0)} ms of processor`,
  )
  return result
}

function inStore(
  count: number,
  rounds: number,
  together: number,
  look: (directory: string, endMs: number) => void,
): void {
  const directory = mkdtempSync(join(tmpdir(), 'aval-series-'))
  try {
    const store = openSeriesStore(directory, 31 * 86_400_000)
    const round = realisticRounds(Number(seed), count)
    timed(`${rounds} rounds of ${count} series, ${together} at once`, () => {
      for (let each = 0; each < rounds; each += together) {
        store.append(Array.from({ length: together }, (_, more) => round((each + more) * intervalMs)).flat())
      }
    })
    store.close()
    look(directory, (rounds - 1) * intervalMs)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const rounds = Number(days) * 5760
inStore(500, rounds, 120, (directory, endMs) => {
  const bytes = readdirSync(directory).reduce((sum, file) => sum + statSync(join(directory, file)).size, 0)
  console.log(`${(bytes / 1e6).toFixed(0)} MB, ${(bytes / (rounds * 500)).toFixed(2)} bytes a sample, seed ${seed}`)
  const store = timed('opening', () => openSeriesStore(directory, 31 * 86_400_000))
  for (let each = 0; each < 3; each++) {
    timed('500 series over 24 h', () => [...store.select(everything, endMs - 86_400_000, endMs)])
  }
  store.close()
})
inStore(10_000, 260, 1, (directory, endMs) => {
  const store = timed('opening', () => openSeriesStore(directory, 31 * 86_400_000))
  for (let each = 0; each < 3; each++) {
    timed('newest of 10,000 series', () => [...store.select(everything, endMs - 300_000, endMs)])
  }
  store.close()
})

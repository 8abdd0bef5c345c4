import { openSeriesStore } from './series-store.ts'

/*
 * Appends rounds of samples for ever and tells each once it was acknowledged, for tests that kill it: `node appending.fixture.ts <directory> <series>`.
 */
const [directory = '', series = '10'] = process.argv.slice(2)
const store = openSeriesStore(directory, 30 * 86_400_000)
for (let round = 1; ; round++) {
  const samples = Array.from({ length: Number(series) }, (_, index) => ({
    labels: { __name__: 'appended_total', index: String(index) },
    atMs: round * 60_000,
    value: round,
  }))
  store.append(samples)
  // Written at once: an acknowledgement that waits in memory would die with the process.
  process.stdout.write(`${round}\n`)
}

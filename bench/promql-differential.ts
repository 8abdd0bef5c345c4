import { seededRandom } from '../src/random.ts'
import { compareGenerated, compareWritten, described, summary } from '../test/prometheus/differential.ts'
import { generatedSeries } from '../test/prometheus/generated-series.ts'
import { installedVersion, startPrometheus } from '../test/prometheus/server.ts'
import { writtenQueries } from '../test/prometheus/written-queries.ts'

/*
 * Aval's PromQL beside the installed Prometheus over generated series and queries; each round has a seed and a Prometheus of its own.
 * Run: node bench/promql-differential.ts [rounds, 5 unless told] [first seed, 1 unless told] [cases a round, 4000 unless told]
 */

const [rounds = 5, firstSeed = 1, cases = 4000] = process.argv.slice(2).map(Number)
console.log(`Prometheus ${await installedVersion()}, ${rounds} rounds of ${cases} cases`)
let alike = 0
let different = 0
for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
  const prometheus = await startPrometheus()
  try {
    const random = seededRandom(seed)
    const series = generatedSeries(random.fork('series'))
    await prometheus.write(series)
    const limit = { cases, ms: Number.POSITIVE_INFINITY }
    const comparison = await compareGenerated(prometheus, series, random.fork('cases'), limit)
    const written = await compareWritten(prometheus, series, writtenQueries)
    console.log(`seed ${seed}, generated: ${summary(comparison)}`)
    console.log(`seed ${seed}, written: ${summary(written)}`)
    const disagreements = [...comparison.disagreements, ...written.disagreements]
    alike += comparison.cases + written.cases - disagreements.length
    different += disagreements.length
    for (const one of disagreements) console.log(described(one))
  } finally {
    await prometheus.stop()
  }
}
console.log(`${alike} cases alike, ${different} different`)
process.exitCode = different === 0 ? 0 : 1

import { type Command, InvalidArgumentError } from 'commander'
import { timestamp } from '../clock.ts'
import { parseDuration } from '../plan/units.ts'
import { findProject } from '../project/find-project.ts'
import { parseMoment } from '../recovery/restore/moment.ts'
import { type CompiledQuery, compileQuery, isCompiled } from '../watch/promql/compile.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project } from '../project/project.ts'
import { evaluateInstant, evaluateRange, type RangeSeries } from '../watch/promql/query.ts'
import type { Labels } from '../watch/series.ts'
import { readSeriesStore } from '../watch/store/series-store.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { table } from './layout.ts'

interface Flags {
  at?: number
  from?: number
  to?: number
  step?: number
  json?: true
}

/** One series of an answer with its figures, oldest first. */
interface Answered {
  labels: Labels
  points: { atMs: number; value: number | string }[]
}

export function registerQuery(program: Command, context: CommandContext): void {
  const moment = (text: string) => momentOf(text, context.clock.now())
  program
    .command('query')
    .argument('<expression>', 'PromQL, as Prometheus 2.42 reads it')
    .argument('[system]', 'name of the system')
    .option('--at <moment>', 'when; now unless told', moment)
    .option('--from <moment>', 'asks at every step from then on', moment)
    .option('--to <moment>', 'up to then; now unless told', moment)
    .option('--step <duration>', 'how far the steps are apart; a minute unless told', step)
    .option('--json', 'prints one JSON array of series: labels, and points of moment and value')
    .description('Asks what was measured of a system, while it runs and after.')
    .addHelpText(
      'after',
      `
Example:
  aval query 'sum by (endpoint) (rate(http_requests_total[5m]))' medtime
  aval query 'up' medtime --from 1h --step 5m

A moment is RFC 3339 such as 2026-02-03T04:05:06Z, or how long ago, such as 1h.
Exit codes: 0 answered, an empty answer included; 1 nothing was measured or the series do not allow it; 2 the query cannot be read.`,
    )
    .action(async (expression: string, name: string | undefined, flags: Flags) => {
      if (flags.at !== undefined && flags.from !== undefined) throw usage('query', 'Give --at or --from, not both.')
      if (flags.from === undefined && (flags.to !== undefined || flags.step !== undefined))
        throw usage('query', 'Steps begin somewhere: give --from.')
      const query = compileQuery(expression)
      if (!isCompiled(query)) throw usage('query', `At character ${query.at}: ${query.problem}`)
      const project = await findProject(context.cwd, context.home)
      const [only = ''] = chooseSystems(project, name, false, 'query')
      const now = context.clock.now()
      const store = readSeriesStore(watchDirectory(project, only))
      try {
        const { from: fromMs, to: toMs = now, step: stepMs = 60_000, at = now } = flags
        const answered =
          fromMs === undefined
            ? instant(evaluateInstant(query, store, at), at)
            : evaluateRange(query, store, { fromMs, toMs, stepMs }).map(answeredOf)
        if (flags.json) printJson(context, answered)
        else context.out(`${told(answered)}\n`)
      } finally {
        store.close()
      }
    })
}

function instant(value: ReturnType<typeof evaluateInstant>, atMs: number): Answered[] {
  switch (value.type) {
    case 'scalar':
      return [{ labels: {}, points: [{ atMs, value: written(value.value) }] }]
    case 'string':
      return [{ labels: {}, points: [{ atMs, value: value.value }] }]
    case 'vector':
      return value.samples.map(({ labels, value: each }) => ({ labels, points: [{ atMs, value: written(each) }] }))
    case 'matrix':
      return value.series.map(answeredOf)
  }
}

function answeredOf({ labels, timesMs, values }: RangeSeries): Answered {
  return {
    labels,
    points: Array.from(timesMs, (atMs, index) => ({ atMs, value: written(values[index] ?? Number.NaN) })),
  }
}

/** JSON has no word for what is no number: it is written as Prometheus writes it. */
function written(value: number): number | string {
  if (Number.isFinite(value)) return value
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function told(answered: readonly Answered[]): string {
  const rows = answered.flatMap(({ labels, points }) =>
    points.map(({ atMs, value }, index) => ({ series: index === 0 ? seriesText(labels) : '', atMs, value })),
  )
  if (rows.length === 0) return 'Nothing: no such series had a value then.'
  return table(
    [
      { title: 'value', text: ({ value }) => String(value) },
      { title: 'at', text: ({ atMs }) => timestamp(atMs) },
      { title: 'series', text: ({ series }) => series, fills: true },
    ],
    rows,
  )
}

function seriesText({ __name__: name = '', ...labels }: Labels): string {
  const inside = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return inside.length === 0 && name !== '' ? name : `${name}{${inside.join(', ')}}`
}

function momentOf(text: string, nowMs: number): number {
  const ago = parseDuration(text)
  if (ago !== undefined) return nowMs - ago
  const moment = parseMoment(text)
  return moment === 'latest' ? nowMs : moment
}

function step(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError("It is a duration such as '1m'.")
  return ms
}

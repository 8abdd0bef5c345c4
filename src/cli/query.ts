import { type Command, InvalidArgumentError } from 'commander'
import { seriesOf } from '../check/promql/series.ts'
import { timestamp } from '../clock.ts'
import { nearest } from '../plan/nearest.ts'
import { parseDuration } from '../plan/units.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project } from '../project/project.ts'
import { parseMoment } from '../recovery/restore/moment.ts'
import { type CompiledQuery, compileQuery, isCompiled } from '../watch/promql/compile.ts'
import { evaluateInstant, evaluateRange, type RangeSeries } from '../watch/promql/query.ts'
import { reachOf } from '../watch/promql/reach.ts'
import type { Labels, SeriesSource } from '../watch/series.ts'
import { readSeriesStore } from '../watch/store/series-store.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { table } from './layout.ts'
import { watchCommand, watchingOf } from './watching.ts'

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
Exit codes: 0 answered, an empty answer included; 1 nothing was measured or the series do not allow it; 2 the query or the
command line cannot be read. A metric that the plan does not have is told of on the error output.`,
    )
    .action(async (expression: string, name: string | undefined, flags: Flags) => {
      if (flags.at !== undefined && flags.from !== undefined) throw usage('query', 'Give --at or --from, not both.')
      if (flags.from === undefined && (flags.to !== undefined || flags.step !== undefined))
        throw usage('query', 'Steps begin somewhere: give --from.')
      const now = context.clock.now()
      const { from: fromMs, to: toMs = now, step: stepMs = 60_000, at = now } = flags
      if (fromMs !== undefined && fromMs > toMs)
        throw usage('query', `It ends before it begins: --from is ${timestamp(fromMs)}, --to ${timestamp(toMs)}.`)
      const query = compileQuery(expression)
      if (!isCompiled(query)) throw usage('query', `At character ${query.at}: ${query.problem}`)
      const project = await findProject(context.cwd, context.home)
      const only = chooseSystem(project, name, 'query')
      const store = readSeriesStore(watchDirectory(project, only))
      try {
        const answered =
          fromMs === undefined
            ? instant(evaluateInstant(query, store, at), at)
            : evaluateRange(query, store, { fromMs, toMs, stepMs }).map(answeredOf)
        if (flags.json) printJson(context, answered)
        else context.out(`${told(answered)}\n`)
        const names = unseenMetrics(query, store, fromMs === undefined ? at : toMs)
        if (fromMs === undefined && at === now) tellUnwatched(project, only, context)
        if (names.length > 0) for (const line of await notOfPlan(project, only, names)) context.err(`${line}\n`)
      } finally {
        store.close()
      }
    })
}

/** Figures of now that nobody measures are absent, which is not to be taken for zero. */
function tellUnwatched(project: Project, system: string, context: CommandContext): void {
  const watching = watchingOf({ project, system: { name: system } }, context.clock)
  if (watching.isWatched) return
  const command = watchCommand(system, watching)
  context.err(`Now is not measured: ${system} ${watching.says}.${command === undefined ? '' : ` Next: ${command}`}\n`)
}

/** Metrics that the query names and of which there is nothing, ever. */
function unseenMetrics(query: CompiledQuery, store: SeriesSource, untilMs: number): string[] {
  const names = new Set(reachOf(query).flatMap(({ metric }) => (metric === undefined ? [] : [metric])))
  return [...names].filter((name) => {
    const [found] = store.select([{ label: '__name__', op: '=', value: name }], 0, untilMs)
    return found === undefined
  })
}

/** A line for each metric that the plan knows nothing of. What Aval measures itself and the plan does not list is told of by nobody. */
async function notOfPlan(project: Project, system: string, names: readonly string[]): Promise<string[]> {
  const { plan } = await loadSystem(project, system)
  return names.flatMap((name) => {
    const series = seriesOf(plan, name)
    if (!('problem' in series) || /^(?:aval|probe)_/.test(name)) return []
    const near = nearest(name, Object.keys(plan.telemetry.metrics))
    const meant = near === undefined ? '' : ` Did you mean ${near}?`
    return [
      `The plan of ${system} has no series "${name}", and there never was one. ${series.fix || series.problem}${meant}`,
    ]
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

import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { failure } from '../errors.ts'
import { openLedger } from '../ledger/ledger.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { type IncidentFigures, incidentFigures, type Spread } from '../watch/incidents/figures.ts'
import { reviewOf } from '../watch/incidents/review.ts'
import { type TimelineLine, timelineOf } from '../watch/incidents/timeline.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { listed } from './incident-text.ts'
import { table } from './layout.ts'
import { type WatchedSystem, watchRecords } from './watch-records.ts'

interface Flags {
  all?: true
  out?: string
  from?: string
  to?: string
  json?: true
}

export function registerIncidentReport(incident: Command, context: CommandContext): void {
  incident
    .command('report')
    .argument('[system-or-number]', 'name of the system, or the number where only one can be meant')
    .argument('[number]', 'number of the incident whose review is written')
    .option('--all', 'every system of the project; for the figures')
    .option('--out <file>', 'writes the review there instead of printing it')
    .option('--from <date>', 'first day of the figures, such as 2026-01-01; a year ago unless told')
    .option('--to <date>', 'the day after the last; now unless told')
    .option(
      '--json',
      'prints one JSON array: the incident with its timeline and figures, or the figures of each system',
    )
    .description(
      'Writes the review of an incident, filled with what is known; without a number, the figures of all of them.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval incident report medtime 3 --out review.md
  aval incident report medtime --from 2026-01-01 --to 2026-04-01

Exit codes: 0 written, 1 the records cannot be read or the file not written, 2 there is no such incident or the command line is wrong.`,
    )
    .action((first: string | undefined, second: string | undefined, flags: Flags) =>
      report(first, second, flags, context),
    )
}

async function report(
  first: string | undefined,
  second: string | undefined,
  flags: Flags,
  context: CommandContext,
): Promise<void> {
  const isNumber = (text: string | undefined): text is string => text !== undefined && /^[1-9]\d{0,8}$/.test(text)
  const number = isNumber(second) ? second : second === undefined && isNumber(first) ? first : undefined
  if (second !== undefined && number === undefined)
    throw usage('incident report', `"${second}" is no number of an incident.`)
  const name = first === number && second === undefined ? undefined : first
  if (number !== undefined && (flags.from !== undefined || flags.to !== undefined || flags.all))
    throw usage('incident report', '--all, --from and --to are for figures; a review is of one incident.')
  if (number === undefined && flags.out !== undefined)
    throw usage('incident report', '--out is for the review of one incident: name its number.')
  const project = await findProject(context.cwd, context.home)
  const systems: WatchedSystem[] = []
  for (const each of chooseSystems(project, name, flags.all === true, 'incident report'))
    systems.push({ project, system: await loadSystem(project, each) })
  const [watched] = systems
  if (number === undefined || watched === undefined) return figures(systems, flags, context)
  await review(watched, Number(number), flags, context)
}

async function review(watched: WatchedSystem, number: number, flags: Flags, context: CommandContext): Promise<void> {
  const { plan } = watched.system
  const now = context.clock.now()
  const records = watchRecords(watched)
  const known = records.incidents()
  const incident = known.find((one) => one.number === number)
  if (incident === undefined) {
    const open = known.filter(({ closed }) => closed === undefined).map((one) => one.number)
    throw failure('INCIDENT_UNKNOWN', { incident: number, open: open.join(', ') || 'none' })
  }
  const timeline = timelineOf(incident, {
    told: incident.alerts.flatMap(({ episode }) => records.told(episode)),
    actions: records.actions(),
    ledger: evidenceOf(watched, context),
  })
  const markdown = reviewOf({ plan, incident, timeline }, now)
  if (flags.out !== undefined) await writeReview(resolve(context.cwd, flags.out), markdown)
  if (flags.json) {
    const own = incidentFigures([incident], incident.openedMs, incident.openedMs + 1)
    return printJson(context, [
      {
        ...listed(plan, incident, now),
        notes: incident.notes.map(({ atMs, ...rest }) => ({ at: timestamp(atMs), ...rest })),
        timeline: timeline.map(lineJson),
        figures: figuresJson(own),
      },
    ])
  }
  context.out(flags.out === undefined ? markdown : `${resolve(context.cwd, flags.out)}\n`)
}

function lineJson({ atMs, from, text }: TimelineLine) {
  return { at: timestamp(atMs), from, text }
}

function evidenceOf({ project, system }: WatchedSystem, { clock }: CommandContext) {
  const ledger = openLedger(project.state, clock)
  try {
    return ledger.history(system.name)
  } finally {
    ledger.close()
  }
}

function figures(systems: readonly WatchedSystem[], flags: Flags, context: CommandContext): void {
  const { from, to } = periodOf(flags, context)
  const counted = systems.map((watched) => ({
    system: watched.system.name,
    from: timestamp(from),
    to: timestamp(to),
    ...figuresJson(incidentFigures(watchRecords(watched).incidents(), from, to)),
  }))
  if (flags.json) {
    printJson(context, counted)
    return
  }
  type Row = (typeof counted)[number]
  const time = (spread: Spread | null) => (spread === null ? '—' : readableMs(spread.median))
  const columns = [
    { title: 'system', text: ({ system }: Row) => system },
    { title: 'incidents', text: ({ count }: Row) => String(count) },
    { title: 'open', text: ({ open }: Row) => String(open) },
    { title: 'answered after (median)', text: ({ timeToAcknowledgeMs }: Row) => time(timeToAcknowledgeMs) },
    { title: 'resolved after (median)', text: ({ timeToResolveMs }: Row) => time(timeToResolveMs) },
    {
      title: 'by severity',
      text: ({ bySeverity }: Row) =>
        Object.entries(bySeverity)
          .map(([severity, count]) => `${severity}: ${count}`)
          .join(', '),
      fills: true as const,
    },
  ]
  context.out(`${table(columns, counted)}\n`)
}

function figuresJson({ timeToAcknowledgeMs, timeToResolveMs, ...rest }: IncidentFigures) {
  return { ...rest, timeToAcknowledgeMs: timeToAcknowledgeMs ?? null, timeToResolveMs: timeToResolveMs ?? null }
}

const year = 366 * 86_400_000

function periodOf(flags: Flags, context: CommandContext): { from: number; to: number } {
  const parse = (text: string | undefined, fallback: number) => {
    if (text === undefined) return fallback
    const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
    if (Number.isNaN(at)) throw usage('incident report', `"${text}" is no date such as 2026-01-01.`)
    return at
  }
  // What opened in this very moment is counted.
  const to = parse(flags.to, context.clock.now() + 1)
  const from = parse(flags.from, to - year)
  if (from >= to) throw usage('incident report', '--from must lie before --to.')
  return { from, to }
}

async function writeReview(file: string, markdown: string): Promise<void> {
  try {
    await writeFile(file, markdown)
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw failure('REVIEW_NOT_WRITTEN', { file, reason }, { cause: error })
  }
}

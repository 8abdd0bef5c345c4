import { join } from 'node:path'
import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import type { Evidence } from '../ledger/evidence.ts'
import { openLedger } from '../ledger/ledger.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { writeDocument } from '../prove/report/write-document.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { roundsOf } from '../schedule/calendar.ts'
import { drillDocument, drillReport, formatBound, formatKpi } from '../schedule/drill-report.ts'
import { jobsOf } from '../schedule/job.ts'
import { openJournal, type ScheduledRun } from '../schedule/journal.ts'
import { kpiFigures, type Period } from '../schedule/kpi.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { type Column, table } from './layout.ts'

interface Flags {
  all?: true
  json?: true
  from?: string
  to?: string
  name?: string
}

export function registerDrills(program: Command, context: CommandContext): void {
  const drills = program
    .command('drills')
    .description('When recovery is rehearsed, what came of it, and the figures over all of it.')
    .addHelpText('after', '\nExample:\n  aval drills calendar medtime\n  aval drills report medtime --name quarterly')

  shared(drills.command('calendar'))
    .description(
      'Lists what the plan wants done by the calendar: when it comes next, when it was last done and how it ended.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  aval drills calendar medtime\n\n`aval up` runs what is listed with a command.\nExit codes: 0 told, 1 a plan cannot be read, 2 the command line is wrong.',
    )
    .action((name: string | undefined, flags: Flags) => calendar(name, flags, context))

  withPeriod(shared(drills.command('kpis')))
    .description('Fills in the figures of the plan from the ledger.')
    .addHelpText(
      'after',
      '\nExample:\n  aval drills kpis medtime --from 2026-01-01 --to 2026-04-01\n\nExit codes: 0 every figure that could be measured keeps its bound, 1 one does not, 2 the command line is wrong.',
    )
    .action((name: string | undefined, flags: Flags) => kpis(name, flags, context))

  withPeriod(shared(drills.command('report')))
    .option('--name <report>', 'which report of the plan; its period is the one since it last came round')
    .description('Writes what was rehearsed in a period, with figures and checklists, as Markdown, page and JSON.')
    .addHelpText(
      'after',
      '\nExample:\n  aval drills report medtime --name quarterly\n  aval drills report medtime --from 2026-01-01 --to 2026-04-01\n\nExit codes: 0 written, 1 the ledger cannot be read, 2 the command line is wrong.',
    )
    .action((name: string | undefined, flags: Flags) => report(name, flags, context))
}

function shared(command: Command): Command {
  return command
    .argument('[system]', 'name of the system')
    .option('--all', 'every system of the project')
    .option('--json', 'prints one JSON array')
}

function withPeriod(command: Command): Command {
  return command
    .option('--from <date>', 'first day, such as 2026-01-01; a year ago unless told')
    .option('--to <date>', 'the day after the last; now unless told')
}

interface Entry {
  system: string
  name: string
  next: string | null
  last: string | null
  outcome: string
  does: string
}

async function calendar(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { project, systems } = await chosen(name, flags, context, 'drills calendar')
  const entries: Entry[] = []
  const now = context.clock.now()
  for (const system of systems) {
    const journal = openJournal(developmentDirectory(project, system.name), context.clock)
    try {
      const latest = journal.latest()
      const { jobs, others } = jobsOf(system.plan)
      for (const job of jobs) {
        const run = latest.get(job.name)
        entries.push({
          system: system.name,
          name: job.name,
          next: moment(job.rounds.next(now)),
          last: moment(run?.time),
          outcome: outcomeOf(run),
          does: job.commands.map((command) => `aval ${command.join(' ')}`).join(' && '),
        })
      }
      for (const { name: other, why } of others) {
        const drill = system.plan.recovery.drills[other.replace(/^drill:/, '')]
        const next = drill && roundsOf(drill.calendar, system.plan.recovery.timeZone).next(now)
        entries.push({
          system: system.name,
          name: other,
          next: moment(next),
          last: null,
          outcome: 'not run by Aval',
          does: why,
        })
      }
    } finally {
      journal.close()
    }
  }
  if (flags.json) return printJson(context, entries)
  if (entries.length === 0) return context.out('No plan names anything by the calendar.\n')
  const zones = systems.map(({ name: each, plan }) => `${each} means its calendar in ${plan.recovery.timeZone}.\n`)
  context.out(`${table(columns, entries)}\nTimes are UTC. ${zones.join('')}`)
}

function outcomeOf(run: ScheduledRun | undefined): string {
  if (run === undefined) return 'never run'
  if (run.exit === null) return run.pid === null ? 'broken off' : 'begun'
  return run.exit === 0 ? 'done' : `failed with ${run.exit}, ${run.attempts} attempts`
}

const columns: readonly Column<Entry>[] = [
  { title: 'system', text: ({ system }) => system },
  { title: 'what', text: ({ name }) => name },
  { title: 'next (UTC)', text: ({ next }) => next ?? '—' },
  { title: 'last (UTC)', text: ({ last }) => last ?? '—' },
  { title: 'outcome', text: ({ outcome }) => outcome },
  { title: 'does', text: ({ does }) => does, fills: true },
]

async function kpis(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { project, systems } = await chosen(name, flags, context, 'drills kpis')
  const period = periodOf(flags, context)
  const figures = systems.flatMap((system) =>
    kpiFigures(system.plan, evidenceOf(project, system, context), period).map((figure) => ({
      system: system.name,
      ...figure,
      measured: figure.measured ?? null,
      met: figure.met ?? null,
      text: formatKpi(figure),
      target: formatBound(figure.bound),
    })),
  )
  if (figures.some(({ met }) => met === false)) context.exitWith(1)
  if (flags.json) return printJson(context, figures)
  if (figures.length === 0) return context.out('No plan names a figure.\n')
  context.out(
    `${table(
      [
        { title: 'system', text: ({ system }) => system },
        { title: 'measured', text: ({ text }) => text },
        { title: 'bound', text: ({ target }) => target },
        { title: 'kept', text: ({ met }) => (met === null ? 'not known' : met ? 'yes' : 'NO') },
        { title: 'evidence', text: ({ sample }) => String(sample) },
        { title: 'figure', text: ({ claim }) => claim, fills: true },
      ] satisfies Column<(typeof figures)[number]>[],
      figures,
    )}\n`,
  )
}

async function report(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const { project, systems } = await chosen(name, flags, context, 'drills report')
  const now = context.clock.now()
  const written: { system: string; files: string[] }[] = []
  for (const system of systems) {
    const period = flags.name === undefined ? periodOf(flags, context) : reportPeriod(system, flags.name, now)
    const content = drillReport(system.plan, flags.name, evidenceOf(project, system, context), period)
    const document = drillDocument(content, now)
    const base = join(
      project.state,
      'reports',
      system.name,
      `drills-${flags.name ?? 'period'}-${timestamp(period.to).slice(0, 10)}`,
    )
    written.push({ system: system.name, files: await writeDocument(base, document, content) })
    if (!flags.json) context.out(`${system.name}: ${base}.md, .html and .json\n`)
  }
  if (flags.json) printJson(context, written)
}

/** From the round before the present one to now: what people have not yet been told of. */
function reportPeriod(system: System, name: string, now: number): Period {
  const { reports, timeZone } = system.plan.recovery
  const entry = reports[name]
  if (!entry)
    throw usage(
      'drills report',
      `The plan of ${system.name} names ${Object.keys(reports).join(', ') || 'no report'}, not "${name}".`,
    )
  const rounds = roundsOf(entry.calendar, timeZone)
  const latest = rounds.latest(now)
  const before = latest === undefined ? undefined : rounds.latest(latest - 1_000)
  // The report that is due now tells of the time up to now; between two rounds, of the time since the last.
  const from = latest !== undefined && now - latest < day ? before : latest
  return { from: from ?? now - year, to: now }
}

const day = 86_400_000
const year = 366 * day

function periodOf(flags: Flags, context: CommandContext): Period {
  const parse = (text: string | undefined, fallback: number) => {
    if (text === undefined) return fallback
    const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
    if (Number.isNaN(at)) throw usage('drills', `"${text}" is no date such as 2026-01-01.`)
    return at
  }
  const to = parse(flags.to, context.clock.now())
  const from = parse(flags.from, to - year)
  if (from >= to) throw usage('drills', '--from must lie before --to.')
  return { from, to }
}

function evidenceOf(project: Project, system: System, context: CommandContext): Evidence[] {
  const ledger = openLedger(project.state, context.clock)
  try {
    return ledger.history(system.name).map(({ evidence }) => evidence)
  } finally {
    ledger.close()
  }
}

async function chosen(name: string | undefined, flags: Flags, context: CommandContext, command: string) {
  const project = await findProject(context.cwd, context.home)
  const names = chooseSystems(project, name, flags.all === true, command)
  return { project, systems: await Promise.all(names.map((each) => loadSystem(project, each))) }
}

function moment(at: number | undefined): string | null {
  return at === undefined ? null : timestamp(at).slice(0, 16).replace('T', ' ')
}

import type { Command } from 'commander'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { chooseSystem, chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import {
  type ChangeFlags,
  parseTitle,
  registerIncidentChanges,
  requireRole,
  tellIncident,
  withBy,
  withIncidents,
} from './incident-change.ts'
import { registerIncidentReport } from './incident-report.ts'
import { type ListedIncident, listed, stateOf } from './incident-text.ts'
import { table } from './layout.ts'
import { watchRecords } from './watch-records.ts'

interface ListFlags {
  all?: true
  open?: true
  json?: true
}

interface OpenFlags extends ChangeFlags {
  severity: string
  title: string
  runbook?: string
}

export function registerIncident(program: Command, context: CommandContext): void {
  const incident = program
    .command('incident')
    .description('Opens, answers, notes, closes and lists incidents, and writes what came of them.')
    .addHelpText(
      'after',
      `
Example:
  aval incident list medtime --open
  aval incident ack medtime 3
  aval incident report medtime 3 --out review.md

docs/incidents.md tells what to do when one is open.`,
    )

  incident
    .command('list')
    .argument('[system]', 'name of the system')
    .option('--all', 'every system of the project')
    .option('--open', 'only those that nobody has closed')
    .option('--json', 'prints one JSON array')
    .description('Lists incidents, oldest first, with how they stand against the time of their severity.')
    .addHelpText(
      'after',
      '\nExample:\n  aval incident list --all --open\n\nExit codes: 0 told, 1 a plan or the records cannot be read, 2 the command line is wrong.',
    )
    .action((name: string | undefined, flags: ListFlags) => list(name, flags, context))

  withBy(incident.command('open'))
    .argument('[system]', 'name of the system')
    .requiredOption('--severity <name>', 'a name of incidents.severities')
    .requiredOption('--title <text>', 'what is wrong, in a few words and without names of people', parseTitle)
    .option('--runbook <name>', 'a name of runbooks: what to do about it')
    .description('Opens an incident by hand. Alerts open theirs by themselves.')
    .addHelpText(
      'after',
      "\nExample:\n  aval incident open medtime --severity P2 --title 'Sync is slow for one region' --runbook RB-003\n\nExit codes: 0 opened, 1 it failed, 2 there is no such severity or runbook or the command line is wrong.",
    )
    .action((name: string | undefined, flags: OpenFlags) => open(name, flags, context))

  registerIncidentChanges(incident, context)
  registerIncidentReport(incident, context)
}

async function list(name: string | undefined, flags: ListFlags, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const all: ListedIncident[] = []
  for (const each of chooseSystems(project, name, flags.all === true, 'incident list')) {
    const watched = { project, system: await loadSystem(project, each) }
    const known = watchRecords(watched)
      .incidents()
      .filter(({ closed }) => flags.open !== true || closed === undefined)
    all.push(...known.map((one) => listed(watched.system.plan, one, context.clock.now())))
  }
  if (flags.json) return printJson(context, all)
  if (all.length === 0) return context.out(flags.open ? 'No incident is open.\n' : 'There was no incident yet.\n')
  const columns = [
    { title: 'system', text: ({ system }: ListedIncident) => system },
    { title: 'no.', text: ({ number }: ListedIncident) => String(number) },
    { title: 'severity', text: ({ severity }: ListedIncident) => severity },
    { title: 'opened', text: ({ openedAt }: ListedIncident) => openedAt.slice(0, 16).replace('T', ' ') },
    { title: 'state', text: stateOf },
    { title: 'what', text: ({ title }: ListedIncident) => title, fills: true as const },
  ]
  context.out(`${table(columns, all)}\nTimes are UTC.\n`)
}

async function open(name: string | undefined, flags: OpenFlags, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, 'incident open')
  const watched = { project, system: await loadSystem(project, only) }
  const { runbook, severity, title, by } = flags
  requireRole(watched, by, 'open')
  const runbooks = watched.system.plan.runbooks
  if (runbook !== undefined && runbooks[runbook] === undefined)
    throw usage(
      'incident open',
      `The plan has the runbooks ${Object.keys(runbooks).join(', ') || 'none'}, not "${runbook}".`,
    )
  const opened = withIncidents(watched, context, (incidents) =>
    incidents.open({ severity, title, by, ...(runbook === undefined ? {} : { runbook }) }),
  )
  tellIncident(watched, opened, flags, context)
}

import { type Command, InvalidArgumentError } from 'commander'
import { readableMs } from '../plan/readable-duration.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { seededRandom } from '../random.ts'
import { roleProblems } from '../watch/alerts/silence-problems.ts'
import type { Incident } from '../watch/incidents/incident.ts'
import { type Incidents, openIncidents } from '../watch/incidents/incidents.ts'
import { openPager } from '../watch/notify/pager.ts'
import { typedProblems } from '../watch/typed-words.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import { chooseSystem } from './choose-systems.ts'
import { systemAndId } from './chosen-repository.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { listed, stateOf } from './incident-text.ts'
import { parseCount } from './numbers.ts'
import type { WatchedSystem } from './watch-records.ts'

export interface ChangeFlags {
  by: string
  json?: true
}

/** Adds what is done about one incident: taken, noted, closed. */
export function registerIncidentChanges(incident: Command, context: CommandContext): void {
  aboutOne(incident.command('ack'))
    .description('Says that somebody has taken an incident: nobody further is told of its alerts.')
    .addHelpText('after', `\nExample:\n  aval incident ack medtime 3 --by 'DevOps team'\n\n${exits('taken')}`)
    .action((first: string, second: string | undefined, flags: ChangeFlags) =>
      acknowledge(first, second, flags, context),
    )

  aboutOne(incident.command('note'))
    .requiredOption('--text <text>', 'what was seen or done; it stays on this machine and is in no message', parseNote)
    .description('Writes a line into the timeline of an incident, a closed one too.')
    .addHelpText(
      'after',
      `\nExample:\n  aval incident note medtime 3 --text 'Rolled back to the release of Monday'\n\n${exits('noted')}`,
    )
    .action((first: string, second: string | undefined, flags: ChangeFlags & { text: string }) =>
      note(first, second, flags, context),
    )

  aboutOne(incident.command('close'))
    .description('Closes an incident. The time for its review begins.')
    .addHelpText('after', `\nExample:\n  aval incident close medtime 3\n\n${exits('closed')}`)
    .action((first: string, second: string | undefined, flags: ChangeFlags) => close(first, second, flags, context))
}

function exits(done: string): string {
  return `Exit codes: 0 ${done}, 1 it failed, 2 there is no such incident, it is closed or the command line is wrong.`
}

/** Whoever sits at this machine, in a plan that may name nobody. */
const usualRole = 'operator'

/** @throws USAGE naming the roles there are: what is kept for years is to name nobody. */
export function requireRole({ system: { plan } }: WatchedSystem, by: string, command: string): void {
  const problems = roleProblems(plan, by, [usualRole])
  if (problems.length > 0) throw usage(`incident ${command}`, problems.join(' '))
}

/** The options of everything that a person does about an incident. */
export function withBy(command: Command): Command {
  return command
    .option('--by <role>', 'who does it: a role of the plan, never a name', usualRole)
    .option('--json', 'prints one JSON array with the incident')
}

function aboutOne(command: Command): Command {
  return withBy(command)
    .argument('<system-or-number>', 'name of the system, or the number where only one can be meant')
    .argument('[number]', 'number of the incident')
}

async function note(
  first: string,
  second: string | undefined,
  flags: ChangeFlags & { text: string },
  context: CommandContext,
): Promise<void> {
  await change(first, second, flags, context, 'note', (incidents, number) =>
    incidents.note(number, flags.by, flags.text),
  )
}

async function close(
  first: string,
  second: string | undefined,
  flags: ChangeFlags,
  context: CommandContext,
): Promise<void> {
  await change(first, second, flags, context, 'close', (incidents, number) => incidents.close(number, flags.by))
}

/** One incident changed as the command line says. */
async function change(
  first: string,
  second: string | undefined,
  flags: ChangeFlags,
  context: CommandContext,
  command: string,
  by: (incidents: Incidents, number: number) => Incident,
): Promise<{ watched: WatchedSystem; incident: Incident }> {
  const [name, text] = systemAndId(first, second)
  const number = numberOf(text, command)
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, `incident ${command}`)
  const watched = { project, system: await loadSystem(project, only) }
  requireRole(watched, flags.by, command)
  const incident = withIncidents(watched, context, (incidents) => by(incidents, number))
  tellIncident(watched, incident, flags, context)
  return { watched, incident }
}

async function acknowledge(
  first: string,
  second: string | undefined,
  flags: ChangeFlags,
  context: CommandContext,
): Promise<void> {
  const { watched, incident } = await change(first, second, flags, context, 'ack', (incidents, number) =>
    incidents.acknowledge(number, flags.by),
  )
  if (incident.alerts.length === 0) return
  const pager = openPager({
    directory: watchDirectory(watched.project, watched.system.name),
    plan: watched.system.plan,
    clock: context.clock,
    random: seededRandom(incident.number),
    variables: process.env,
  })
  try {
    const answered = incident.alerts.flatMap(({ episode }) => pager.acknowledge(episode, flags.by))
    const waiting = pager.waiting().filter(({ message }) => message.status === 'acknowledged').length
    if (answered.length > 0) context.err('Nobody further is told of its alerts.\n')
    if (waiting > 0) context.err(`${waiting} of its providers hear of it from \`aval watch\`.\n`)
  } finally {
    pager.close()
  }
}

function numberOf(text: string, command: string): number {
  try {
    return parseCount(text)
  } catch {
    throw usage(`incident ${command}`, `"${text}" is no number of an incident.`)
  }
}

export function withIncidents<T>(
  watched: WatchedSystem,
  { clock }: CommandContext,
  work: (incidents: Incidents) => T,
): T {
  const { project, system } = watched
  const incidents = openIncidents({ directory: watchDirectory(project, system.name), plan: system.plan, clock })
  try {
    return work(incidents)
  } finally {
    incidents.end()
  }
}

/** One incident in a line, with its runbook and how soon somebody must answer. */
export function tellIncident(
  { system }: WatchedSystem,
  incident: Incident,
  flags: ChangeFlags,
  context: CommandContext,
): void {
  const now = context.clock.now()
  const entry = listed(system.plan, incident, now)
  if (flags.json) {
    printJson(context, [entry])
    return
  }
  context.out(`${entry.system} ${entry.number}, ${entry.severity}, ${stateOf(entry)}: ${entry.title}\n`)
  const runbook = incident.runbook === undefined ? undefined : system.plan.runbooks[incident.runbook]
  if (runbook !== undefined && !incident.closed)
    context.out(`${incident.runbook}: ${runbook.title} (${runbook.file})\n`)
  if (entry.answer === 'awaited' && entry.answerBy !== null) {
    const left = Date.parse(entry.answerBy) - now
    context.out(`Somebody must answer within ${readableMs(Math.max(1_000, Math.ceil(left / 1_000) * 1_000))}.\n`)
  }
}

const longestTitle = 200
const longestNote = 10_000

/** What is wrong, in a line that everybody sees who looks. */
export function parseTitle(text: string): string {
  const problems = typedProblems(text, longestTitle)
  if (problems.length > 0) throw new InvalidArgumentError(problems.map((problem) => `It ${problem}.`).join(' '))
  return text
}

function parseNote(text: string): string {
  if (text.trim() === '' || text.length > longestNote)
    throw new InvalidArgumentError(`It has 1 to ${longestNote} characters.`)
  return text
}

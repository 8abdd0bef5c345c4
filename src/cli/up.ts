import type { Command } from 'commander'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { type Environment, startEnvironment } from '../run/environment.ts'
import { keepServerUp } from '../run/keep-server-up.ts'
import { developmentDirectory, removeRunState, writeRunState } from '../run/run-state.ts'
import { type CommandContext, usage } from './command.ts'

export function registerUp(program: Command, context: CommandContext): void {
  program
    .command('up')
    .argument('[system]', 'the system to run; the only one of the project unless told')
    .description('Runs a system until Ctrl-C: Postgres, migrations and services. A second start keeps the data.')
    .addHelpText(
      'after',
      `
Example:
  aval up medtime

Data, keys and logs of the run lie in .aval/<system>; remove that folder to begin anew.
Exit codes: 0 ended by Ctrl-C, 1 it could not start, 2 the command line is wrong.`,
    )
    .action((system: string | undefined) => up(system, context))
}

async function up(name: string | undefined, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const only = project.here ?? (project.systems.length === 1 ? project.systems[0] : undefined)
  const chosen = name ?? only
  if (chosen === undefined) throw usage('up', `Name the system to run: ${project.systems.join(', ')}.`)
  const system = await loadSystem(project, chosen)
  const log = (line: string) => context.err(`${line}\n`)
  const { signal } = context

  let environment: Environment
  try {
    environment = await startEnvironment({
      system,
      directory: developmentDirectory(project, system.name),
      environment: 'development',
      clock: context.clock,
      log,
      signal,
    })
  } catch (error) {
    // Ctrl-C during the start: everything was stopped again, which is what was asked for.
    if (signal.aborted && error === signal.reason) return
    throw error
  }
  const keeper = keepServerUp(environment, log)
  try {
    writeRunState(project, environment)
    context.out(addresses(environment))
    await Promise.race([aborted(signal), keeper.failed])
    log('stopping')
  } finally {
    keeper.stop()
    removeRunState(project, system.name)
    await environment.stop()
  }
}

/** Where everything is, for a person: no credentials among it. */
function addresses(environment: Environment): string {
  const { adminUrl } = environment.database
  const url = new URL(adminUrl)
  const rows = [
    ...Object.entries(environment.addresses()),
    ['database', `postgresql://${url.username}@${url.host}${url.pathname}`] as const,
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, address]) => `  ${name.padEnd(width)}  ${address}`)
  return `${environment.system.name} runs:
${lines.join('\n')}
The password of the database is in ${environment.directory}/run.json (adminUrl, ownerUrl), which you alone can read:
  psql "$(sed -n 's/.*"adminUrl": "\\(.*\\)".*/\\1/p' '${environment.directory}/run.json')"
Ctrl-C ends it.
`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

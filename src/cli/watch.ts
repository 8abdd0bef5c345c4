import { type Command, InvalidArgumentError } from 'commander'
import { parseDuration } from '../plan/units.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { chooseSystem } from './choose-systems.ts'
import type { CommandContext } from './command.ts'
import { usualEveryMs, watchSummary, watchSystem } from './watched.ts'

export function registerWatch(program: Command, context: CommandContext): void {
  program
    .command('watch')
    .argument('[system]', 'name of the system')
    .option('--every <duration>', 'how often figures are read; 15s unless told', parseEvery)
    .description(
      'Watches a system until Ctrl-C: reads its figures, judges its alerts, tells people, opens incidents. `aval up` does so by itself.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval watch medtime

Prints what it watches, then each thing it tells. It finds the system where \`aval up\` runs it, and goes on while it is down. What it measures
is kept for 30 days in .aval/<system>/watch. docs/alerts.md says how people are told.

Exit codes:
  0  ended by Ctrl-C
  1  it could not start, or could not keep what it measured
  2  the command line is wrong`,
    )
    .action(async (name: string | undefined, { every = usualEveryMs }: { every?: number }) => {
      const project = await findProject(context.cwd, context.home)
      const only = chooseSystem(project, name, 'watch')
      const system = await loadSystem(project, only)
      const log = (line: string) => context.out(`${line}\n`)
      const { done } = watchSystem({ project, system }, { plan: system.plan, everyMs: every, log }, context)
      const [first = '', ...others] = watchSummary(system.plan, every)
      log(`Watching ${only} ${first}.`)
      for (const line of others) log(`  ${line}`)
      await done
    })
}

/** Slower than a minute, and queries would forget between two readings. */
const slowestMs = 60_000
const fastestMs = 200

function parseEvery(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < fastestMs || ms > slowestMs)
    throw new InvalidArgumentError("It is a duration from 200ms to 1m, such as '15s'.")
  return ms
}

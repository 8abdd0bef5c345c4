import type { Command } from 'commander'
import type { Plan } from '../plan/plan.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { parseS3Location } from '../recovery/stores/s3/location.ts'
import { renderS3Lifecycle } from '../render/s3-lifecycle.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson, usage } from './command.ts'

interface Flags {
  store?: string
  json?: true
}

export function registerRender(program: Command, context: CommandContext): void {
  program
    .command('render')
    .argument('<system>', 'name of the system')
    .argument('<target>', 's3-lifecycle')
    .option('--store <name>', 'a store of the plan; the only one of its kind unless told')
    .option('--json', 'prints one JSON array, with the notes')
    .description('Writes what other tools read, from the plan.')
    .addHelpText(
      'after',
      `
Targets:
  s3-lifecycle   the lifecycle rules of the bucket behind a store

Example:
  aval render medtime s3-lifecycle --store second-region > lifecycle.json
  aws s3api put-bucket-lifecycle-configuration --bucket <bucket> --lifecycle-configuration file://lifecycle.json

Where the variable of the store's location is set, the rules apply to its prefix alone. Where they differ from the letter of the plan
it is told beside them. docs/stores.md says more.
Exit codes: 0 written, 1 the plan cannot be rendered, 2 the command line is wrong.`,
    )
    .action((name: string, target: string, flags: Flags) => render(name, target, flags, context))
}

async function render(name: string, target: string, flags: Flags, context: CommandContext): Promise<void> {
  if (target !== 's3-lifecycle') throw usage('render', `"${target}" is no target; the one there is: s3-lifecycle.`)
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, 'render')
  const { plan } = await loadSystem(project, only)
  const store = flags.store ?? onlyStore(plan)
  const { configuration, notes } = renderS3Lifecycle(plan, store, { prefix: prefixOf(plan, store) })
  if (flags.json) return printJson(context, [{ system: only, store, configuration, notes }])
  for (const note of notes) context.err(`note: ${note}\n`)
  context.out(`${JSON.stringify(configuration, null, 2)}\n`)
}

function onlyStore(plan: Plan): string {
  const names = Object.entries(plan.recovery.stores).flatMap(([name, { kind }]) => (kind === 's3' ? [name] : []))
  const [only, ...others] = names
  if (only !== undefined && others.length === 0) return only
  throw usage('render', `Which store? Name one with --store: ${names.join(', ') || 'the plan has none of kind s3'}.`)
}

/** Of the location that is set on this machine; the whole bucket when none is. */
function prefixOf(plan: Plan, store: string): string {
  const variable = plan.recovery.stores[store]?.location
  const text = variable === undefined ? undefined : process.env[variable]
  return text?.startsWith('s3:') ? parseS3Location(text).prefix : ''
}

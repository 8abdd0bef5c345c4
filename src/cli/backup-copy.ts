import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { formatBytes } from '../plan/units.ts'
import { findProject } from '../project/find-project.ts'
import { type CopyReport, copyRepository } from '../recovery/stores/copy-repository.ts'
import { type CopyLag, copyLag } from '../recovery/stores/copying.ts'
import type { Store } from '../recovery/stores/store.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson } from './command.ts'
import { moving } from './moving-line.ts'
import { openChosen, openChosenStore, type RepositoryFlags, withKeyOptions } from './repository-choice.ts'

interface Flags extends Omit<RepositoryFlags, 'repository' | 'store'> {
  from: string
  to: string
  json?: true
}

export function registerCopy(backup: Command, context: CommandContext): void {
  withKeyOptions(backup.command('copy'))
    .argument('[system]', 'name of the system')
    .requiredOption('--to <name>', 'store of the plan that receives the copy')
    .option('--from <name>', 'store that is copied', 'primary')
    .option('--json', 'prints one JSON array')
    .description(
      'Brings a second store up to the first: only what is missing, encrypted as it is, nothing is ever removed from it.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval backup copy medtime --to second-region
  aval backup verify medtime --store second-region

Broken off it can be given again and goes on; what is there by then can be restored already.
Exit codes: 0 the copy is up to date, 1 it is not, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => copy(name, flags, context))
}

async function copy(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const system = chooseSystem(project, name, 'backup copy')
  const { from: source, to: target, json, ...key } = flags
  // With the key first: it tells an absent repository from an empty one, and measures how far the copy is behind.
  const repository = await openChosen(project, system, { ...key, store: source }, context, false)
  const to = await openChosenStore(project, system, { store: target }, context, true)
  const line = moving(context)
  const report = await copyRepository({
    from: repository.store,
    to,
    clock: context.clock,
    signal: context.signal,
    onProgress: ({ bytes, totalBytes, key: object }) =>
      line.show(`${system}: ${formatBytes(bytes)} of ${formatBytes(totalBytes)}, now ${object}`),
  }).finally(line.end)
  const copied = await openChosen(project, system, { ...key, store: target }, context, false)
  const lag = await copyLag({ from: repository, to: copied })
  const objects = { source: await countObjects(repository.store), copy: await countObjects(to) }
  if (json) {
    return printJson(context, [
      {
        system,
        from: source,
        to: target,
        ...report,
        held: objects,
        lagMs: lag.ms ?? null,
        lagWalBytes: Number(lag.walBytes),
      },
    ])
  }
  context.out(tell(system, source, target, to.place, report, lag, objects))
}

async function countObjects(store: Store): Promise<number> {
  let count = 0
  for await (const _ of store.list('')) count++
  return count
}

function tell(
  system: string,
  from: string,
  to: string,
  place: string,
  report: CopyReport,
  lag: CopyLag,
  objects: { source: number; copy: number },
): string {
  const behind =
    lag.ms === undefined
      ? 'No moment can be restored from it yet: take a base backup and copy again.'
      : `Were only the copy left, the last ${readableMs(lag.ms)} would be missing.`
  return `${system}: ${to} (${place}) holds everything that ${from} held at ${timestamp(report.asOf)}.
  Copied ${report.objects} objects, ${formatBytes(report.bytes)}, in ${readableMs(report.tookMs)}; ${report.present} were there already.
  ${compare(from, objects)}
  ${behind}
  Next: aval backup verify ${system} --store ${to}
`
}

/** Why the two seldom hold as many, before somebody takes the difference for a loss. */
function compare(from: string, { source, copy }: { source: number; copy: number }): string {
  const held = `It holds ${copy} objects in all, ${from} ${source}`
  if (copy === source) return `${held}.`
  return copy > source
    ? `${held}: nothing is ever removed from a copy, such as parts of WAL that became whole and backups whose time was over.`
    : `${held}: notes that concern one store alone, and parts of WAL that became whole, are not copied.`
}

import type { Command } from 'commander'
import { describeError } from '../errors.ts'
import type { Plan } from '../plan/plan.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import {
  describeCapabilities,
  probeStore,
  recordCapabilities,
  type StoreCapabilities,
} from '../recovery/stores/capabilities.ts'
import { capabilitiesFile } from '../recovery/stores/open-store.ts'
import { openStoreOf } from '../run/archive.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson } from './command.ts'

interface Flags {
  json?: true
}

export function registerStores(backup: Command, context: CommandContext): void {
  backup
    .command('stores')
    .argument('[system]', 'name of the system')
    .option('--json', 'prints one JSON array')
    .description('Tries what the stores of the database can do: conditional writes, checksums, versions, locks.')
    .addHelpText(
      'after',
      `
Example:
  aval backup stores medtime

Each store is written to with a small object that is removed again. What was found is kept, and decides how the store is written to.
Exit codes: 0 every store was tried, 1 one could not be, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => stores(name, flags, context))
}

type Tried = { store: string; found: StoreCapabilities } | { store: string; problem: string }

async function stores(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, 'backup stores')
  const system = await loadSystem(project, only)
  const tried: Tried[] = []
  for (const store of storesOfDatabase(system.plan)) {
    try {
      const opened = await openStoreOf(project, system, store, { clock: context.clock, write: false })
      const found = await probeStore(opened, context.clock)
      await recordCapabilities(capabilitiesFile(developmentDirectory(project, only), store), found)
      tried.push({ store, found })
    } catch (error) {
      context.exitWith(1)
      tried.push({ store, problem: describeError(error) })
    }
  }
  if (flags.json) return printJson(context, tried)
  for (const each of tried) {
    if ('problem' in each) context.out(`${each.store}: could not be tried\n  ${each.problem}\n`)
    else
      context.out(
        `${each.store}, ${each.found.place}\n${describeCapabilities(each.found)
          .map((line) => `  ${line}\n`)
          .join('')}`,
      )
  }
}

/** Where backups of the database and their copies go. */
function storesOfDatabase(plan: Plan): string[] {
  const used = Object.values(plan.recovery.backups).flatMap(({ of, store, copyTo }) =>
    of === 'database' ? [store, ...(copyTo === undefined ? [] : [copyTo])] : [],
  )
  return [...new Set(['primary', ...used])]
}

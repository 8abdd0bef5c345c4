import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Clock } from '../clock.ts'
import { formatBytes } from '../plan/units.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { openEngine } from '../recovery/open-engine.ts'
import type { Repository } from '../recovery/repository/repository.ts'
import { readServerIdentity } from '../recovery/repository/server-identity.ts'
import type { Decision } from '../recovery/retention/decision.ts'
import { type PruneReport, pruneRepository } from '../recovery/retention/prune.ts'
import { retentionPolicy } from '../recovery/retention/rules.ts'
import { segmentName } from '../recovery/wal/lsn.ts'
import { developmentDirectory } from '../run/run-state.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson } from './command.ts'
import { moving } from './moving-line.ts'
import { openChosen, type RepositoryFlags, withRepositoryOptions } from './repository-choice.ts'

interface Flags extends RepositoryFlags {
  all?: true
  json?: true
  dryRun?: true
}

export function registerPrune(backup: Command, context: CommandContext): void {
  withRepositoryOptions(backup.command('prune'))
    .argument('[system]', 'name of the system')
    .option('--all', 'every system of the project')
    .option('--dry-run', 'says of every backup and all WAL what would become of it and why, and changes nothing')
    .option('--json', 'prints one JSON array')
    .description('Removes the backups and the WAL that have served the time the plan gives them.')
    .addHelpText(
      'after',
      `
Example:
  aval backup prune medtime --dry-run
  aval backup prune medtime

Never removed: the newest sound backup, what an objective or the point-in-time window needs, what is held, what a restore reads.
It may be stopped at any moment and given again. docs/retention.md tells the rules.
Exit codes: 0 done, 1 it failed or the store would not let something go, 2 the command line is wrong.`,
    )
    .action((name: string | undefined, flags: Flags) => prune(name, flags, context))
}

async function prune(name: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const reports: object[] = []
  for (const each of chooseSystems(project, name, flags.all === true, 'backup prune')) {
    const system = await loadSystem(project, each)
    const repository = await openChosen(project, each, flags, context, false)
    const line = moving(context)
    const report = await pruneRepository({
      repository,
      policy: retentionPolicy(system.plan),
      clock: context.clock,
      elsewhere: () => backupsElsewhere({ project, system, repository, clock: context.clock }),
      dryRun: flags.dryRun === true,
      signal: context.signal,
      onProgress: ({ objects, key }) => line.show(`${each}: ${objects} objects removed, now ${key}`),
    }).finally(line.end)
    if (report.refused.length > 0) context.exitWith(1)
    const segmentBytes = (await readServerIdentity(repository))?.walSegmentBytes ?? 2 ** 24
    const decisions = report.decisions.map(({ decision, says }) => ({
      ...named(decision, segmentBytes),
      outcome: decision.outcome,
      says,
    }))
    reports.push({ system: each, dryRun: flags.dryRun === true, ...report, decisions })
    if (!flags.json) context.out(tell(each, flags.dryRun === true, report, decisions))
  }
  if (flags.json) printJson(context, reports)
}

/** Backups of an engine that has a store of its own beside the repository, whether the plan of today still chooses it or not. */
async function backupsElsewhere(options: {
  project: Project
  system: System
  repository: Repository
  clock: Clock
}): Promise<readonly { startedAt: number }[]> {
  const { project, system, repository, clock } = options
  const chosen = system.plan.recovery.engine === 'pgbackrest'
  if (!chosen && !existsSync(`${repository.store.place}.pgbackrest`)) return []
  const folder = developmentDirectory(project, system.name)
  return (await openEngine({ name: 'pgbackrest', repository, folder, clock })).list()
}

/** WAL as a person knows it, by the names of its segments. */
function named(decision: Decision, segmentBytes: number): { of: 'backup' | 'wal'; what: string } {
  if (decision.of === 'backup') return { of: 'backup', what: decision.id }
  const { timeline, from, to } = decision
  const first = segmentName({ timeline, number: from }, segmentBytes)
  const last = segmentName({ timeline, number: to - 1n }, segmentBytes)
  return { of: 'wal', what: first === last ? first : `${first} to ${last}` }
}

function tell(
  system: string,
  dryRun: boolean,
  report: PruneReport,
  decisions: readonly { of: 'backup' | 'wal'; what: string; says: string; outcome: string }[],
): string {
  const shown = dryRun ? decisions : decisions.filter(({ outcome }) => outcome === 'remove')
  const lines = shown.map(({ of, what, says }) => `  ${of.padEnd(6)}  ${what}\n          ${says}\n`)
  const finished = report.finished.map((id) => `  backup  ${id}\n          removed: an earlier removal had begun\n`)
  const broken = report.broken.map(({ id, says }) => `  backup  ${id}\n          ${says}\n`)
  const refused = report.refused.map(({ key, says }) => `  the store keeps ${key}\n          ${says}\n`)
  const goes = decisions.filter(({ outcome }) => outcome === 'remove').length + report.broken.length
  const head = dryRun
    ? goes === 0
      ? 'nothing would be removed'
      : 'this would become of it; nothing was changed'
    : report.objects === 0
      ? 'nothing to remove'
      : `${report.removed.length} backups and ${report.segments} WAL segments removed, ${formatBytes(report.bytes)} freed`
  const tail = report.refused.length > 0 ? 'What the store keeps is tried again by the next `aval backup prune`.\n' : ''
  return `${system}: ${head}.\n${[...finished, ...lines, ...broken, ...refused].join('')}${tail}`
}

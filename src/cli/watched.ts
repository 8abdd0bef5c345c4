import { timestamp } from '../clock.ts'
import { AvalError, messageOf } from '../errors.ts'
import { openLedger } from '../ledger/ledger.ts'
import type { Plan } from '../plan/plan.ts'
import { formatDuration } from '../plan/units.ts'
import { seededRandom } from '../random.ts'
import { readWalStatus } from '../recovery/wal/wal-status.ts'
import { promisesRecovery, walStatusFile } from '../run/archive.ts'
import { developmentDirectory, readRunState } from '../run/run-state.ts'
import { openJournal } from '../schedule/journal.ts'
import type { Notice } from '../watch/alerts/notice.ts'
import { rulesOf } from '../watch/alerts/rule.ts'
import { missingVariables } from '../watch/notify/setting.ts'
import type { RecoveryFacts } from '../watch/scrape/measured/recovery-ages.ts'
import type { Labels } from '../watch/series.ts'
import type { Whereabouts } from '../watch/targets.ts'
import { startWatch, type WatchOptions } from '../watch/watch.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import type { CommandContext } from './command.ts'
import { openChosenEngine } from './engine-choice.ts'
import { runningVersion } from './running-version.ts'
import type { WatchedSystem } from './watch-records.ts'
import { performersOf } from './watched-actions.ts'

/** How often figures are read, unless told. */
export const usualEveryMs = 15_000

/**
 * Watches a system of the project until the context's signal, wherever it runs at each moment.
 * @param options.plan what of the plan is watched.
 * @param options.verdictsAfterMs how long after the start the verdicts of guarantees are first read.
 * @throws SERIES_STORE_HELD, NOTIFY_SETTING
 */
export function watchSystem(
  watched: WatchedSystem,
  options: { plan: Plan; everyMs: number; verdictsAfterMs?: number; log(line: string): void },
  context: CommandContext,
): { done: Promise<void> } {
  const { project, system } = watched
  const { plan, everyMs, verdictsAfterMs = 0, log } = options
  const { clock, signal } = context
  return startWatch({
    plan,
    directory: watchDirectory(project, system.name),
    whereabouts: whereaboutsOf(watched),
    clock,
    random: seededRandom(clock.now()),
    variables: process.env,
    everyMs,
    verdictsAfterMs,
    recoveryFacts: () => recoveryFacts(watched, context),
    guarantees: async () => {
      // Loaded only here: it brings every prover with it.
      const { currentVerdicts } = await import('./current-verdicts.ts')
      return currentVerdicts(project, system, { clock })
    },
    perform: performersOf({ watched, clock, signal, log }),
    version: runningVersion(watched),
    listener: listenerOf(log, clock),
    signal,
  })
}

/** What is watched, and what is missing for people to be told, in a few lines. */
export function watchSummary(plan: Plan, everyMs: number): string[] {
  const services = Object.entries(plan.services).flatMap(([name, { metrics }]) => (metrics === undefined ? [] : [name]))
  const sources = [...services, ...(plan.database === undefined ? [] : ['Postgres']), 'this machine']
  const channels = Object.entries(plan.incidents.channels)
  const missing = channels.flatMap(([name, channel]) => {
    const variables = missingVariables(name, channel, process.env)
    return variables.length === 0 ? [] : [`${name} reaches nobody: not set: ${variables.join(', ')}`]
  })
  return [
    `every ${formatDuration(everyMs)}: ${sources.join(', ')}; ${counted(Object.keys(plan.probes).length, 'probe')}, ${counted(rulesOf(plan).length, 'rule')}, ${counted(channels.length, 'channel')}`,
    ...missing,
  ]
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function listenerOf(log: (line: string) => void, clock: CommandContext['clock']): WatchOptions['listener'] {
  const tell = (text: string) => log(`${timestamp(clock.now())} ${text}`)
  return {
    noticed: (notice) => tell(noticeText(notice)),
    opened: ({ number, severity, title }) => tell(`incident ${number} opened, ${severity}: ${title}`),
    untold: (alert, labels, why) => tell(`${alert}${labelText(labels)} fires; ${why}`),
    acted: ({ action, alert, state, reason }) => {
      tell(`${action} for ${alert}: ${state}${reason === undefined ? '' : `, ${reason}`}`)
    },
    listening: (url) => tell(`heartbeats are heard at ${url}/<probe>`),
    delivered: (messages) => tell(`${counted(messages, 'message')} delivered`),
    trouble: (what, error) => tell(`${what} gives nothing: ${sourceTrouble(error)}`),
    recovered: (what) => tell(`${what} answers again`),
  }
}

function labelText(labels: Labels): string {
  const each = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  return each.length === 0 ? '' : ` (${each.join(', ')})`
}

function noticeText({ channel, alerts }: Notice): string {
  const each = alerts.map(({ alert, labels, status }) => `${alert}${labelText(labels)} ${status}`)
  return `to ${channel}: ${each.join(', ')}`
}

function sourceTrouble(error: unknown): string {
  return error instanceof AvalError ? `${error.code}, ${error.message}` : messageOf(error)
}

function whereaboutsOf({ project, system }: WatchedSystem): Whereabouts {
  const running = () => readRunState(project, system.name)
  return {
    serviceUrl: (service) => running()?.addresses[service],
    databaseUrls: () => {
      const found = running()
      return found && { admin: found.adminUrl, owner: found.ownerUrl }
    },
    dataPath: project.root,
    systemPath: system.directory,
  }
}

async function recoveryFacts(watched: WatchedSystem, context: CommandContext): Promise<RecoveryFacts> {
  const { project, system } = watched
  const status = await readWalStatus(walStatusFile(project, system.name))
  return {
    backups: promisesRecovery({ system }) ? await backupsOf(watched, context) : [],
    failures: backupFailures(watched, context),
    restorableUntilMs: status?.newestMoment ?? undefined,
    oldestUnstoredMs: status !== undefined && status.lag.storedMs > 0 ? status.at - status.lag.storedMs : undefined,
    evidence: evidenceOf(watched, context),
  }
}

async function backupsOf(
  { project, system }: WatchedSystem,
  context: CommandContext,
): Promise<RecoveryFacts['backups']> {
  try {
    const engine = await openChosenEngine(project, system.name, {}, context, false)
    const backups = await engine.list({ openable: true })
    return backups.map(({ rule, stoppedAt }) => ({ backup: rule, storedAtMs: stoppedAt }))
  } catch (error) {
    if (error instanceof AvalError && error.code === 'REPOSITORY_ABSENT') return []
    throw error
  }
}

function backupFailures({ project, system }: WatchedSystem, { clock }: CommandContext): Map<string, number> {
  const journal = openJournal(developmentDirectory(project, system.name), clock)
  try {
    const prefix = 'backup:'
    return new Map(
      [...journal.failures()].flatMap(([job, count]) =>
        job.startsWith(prefix) ? [[job.slice(prefix.length), count]] : [],
      ),
    )
  } finally {
    journal.close()
  }
}

function evidenceOf({ project, system }: WatchedSystem, { clock }: CommandContext): RecoveryFacts['evidence'] {
  const ledger = openLedger(project.state, clock)
  try {
    return ledger.history(system.name).map(({ evidence }) => evidence)
  } finally {
    ledger.close()
  }
}

import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import { formatBytes, formatDuration } from '../plan/units.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { promisesRecovery } from '../run/archive.ts'
import { pairFile } from '../run/pair-file.ts'
import { developmentDirectory, readRunState } from '../run/run-state.ts'
import type { Perform, Performed } from '../watch/actions/actions.ts'
import { removeOldFiles } from '../watch/actions/old-files.ts'
import { removeOldRows } from '../watch/actions/old-rows.ts'
import { runCommand } from '../watch/actions/run-command.ts'
import { type ActionKind, actionKinds } from '../watch/actions/runs.ts'
import { runAval } from './run-aval.ts'
import type { WatchedSystem } from './watch-records.ts'

/** What the actions of a watch are carried out with. */
export interface ActionSettings {
  watched: WatchedSystem
  clock: Clock
  signal: AbortSignal
  log(line: string): void
}

/** A backup may take hours; one that takes longer is stuck, and nothing else may be done meanwhile. */
const backupWithinMs = 12 * 3_600_000
const failOverWithinMs = 600_000
const pruneWithinMs = 3_600_000

/**
 * A function for each kind of action that can be carried out here: by the command that the plan declares, else by what Aval does itself. What is left out,
 * a person has to do.
 */
export function performersOf(settings: ActionSettings): Partial<Record<ActionKind, Perform>> {
  const { plan } = settings.watched.system
  const declared = plan.incidents.actions
  const performers: Partial<Record<ActionKind, Perform>> = {
    retry: (about) => takeBackup(settings, about.labels['backup']),
    failover: () => failOver(settings),
  }
  if (promisesRecovery({ system: settings.watched.system }) || declared.cleanUp !== undefined)
    performers.cleanUp = (about) => cleanUp(settings, about)
  for (const action of actionKinds) {
    const means = declared[action]
    if (action === 'cleanUp' || means === undefined || means.command === undefined) continue
    const { command, within, variables } = means
    performers[action] = (about) => run(settings, action, { command, within, variables }, about)
  }
  return performers
}

type About = Parameters<Perform>[0]

function run(
  { watched: { system }, clock, signal, log }: ActionSettings,
  action: ActionKind,
  means: Parameters<typeof runCommand>[0]['means'],
  about: About,
): Promise<Performed> {
  const { name, directory } = system
  const told = (line: string) => log(`${action} | ${line}`)
  return runCommand({ means, system: name, directory, action, about, environment: process.env, clock, signal, told })
}

async function takeBackup(settings: ActionSettings, backup: string | undefined): Promise<Performed> {
  const { plan, name } = settings.watched.system
  const rule = backup !== undefined && Object.hasOwn(plan.recovery.backups, backup) ? ['--rule', backup] : []
  return avalWithin(settings, ['backup', 'create', name, ...rule], backupWithinMs)
}

/** As whoever is on call would: by the command, which refuses while the primary answers or acknowledged writes would be lost. */
async function failOver(settings: ActionSettings): Promise<Performed> {
  const { project, system } = settings.watched
  const pair = await readPair(pairFile(developmentDirectory(project, system.name)))
  if (pair === undefined) return { state: 'by hand', reason: 'there is no standby that could take over' }
  return avalWithin(settings, ['standby', 'promote', system.name], failOverWithinMs)
}

/** Everything that may go, one after the other: what fails keeps nothing else from going. */
async function cleanUp(settings: ActionSettings, about: About): Promise<Performed> {
  const { watched, clock } = settings
  const { project, system } = watched
  const declared = system.plan.incidents.actions.cleanUp
  const done: string[] = []
  const failed: string[] = []
  const part = async (what: string, work: () => Promise<string>) => {
    try {
      done.push(`${what}: ${await work()}`)
    } catch (error) {
      settings.log(`cleanUp | ${what}: ${messageOf(error)}`)
      failed.push(what)
    }
  }
  const performed = async (work: Promise<Performed>): Promise<string> => {
    const { state, reason = '' } = await work
    if (state !== 'done') throw new Error(reason)
    return 'done'
  }
  if (promisesRecovery({ system })) {
    await part('backups', () => performed(avalWithin(settings, ['backup', 'prune', system.name], pruneWithinMs)))
  }
  for (const [name, files] of Object.entries(declared?.files ?? {})) {
    await part(name, async () => {
      const removed = await removeOldFiles(system.plan, system.directory, files, clock.now())
      return `${removed.files} removed, ${formatBytes(removed.bytes)}`
    })
  }
  for (const [name, rows] of Object.entries(declared?.rows ?? {})) {
    await part(name, async () => {
      const url = readRunState(project, system.name)?.ownerUrl
      if (url === undefined) throw new Error('the database does not run')
      return `${await removeOldRows(url, rows, declared?.within ?? 0)} removed`
    })
  }
  if (declared?.command !== undefined) {
    const { command, within, variables } = declared
    await part('command', () => performed(run(settings, 'cleanUp', { command, within, variables }, about)))
  }
  if (failed.length > 0) return { state: 'failed', reason: `${failed.join(', ')}; the log says why` }
  return { state: 'done', reason: done.join('; ') }
}

/** The code that a command of Aval ends its refusal with. */
const refusal = /^([A-Z]+(?:_[A-Z0-9]+)+): /

async function avalWithin(
  { watched: { project }, clock, signal, log }: ActionSettings,
  command: readonly string[],
  withinMs: number,
): Promise<Performed> {
  const over = new AbortController()
  const late = new AbortController()
  const timer = clock
    .sleep(withinMs, AbortSignal.any([signal, over.signal]))
    .then(() => late.abort())
    .catch(() => undefined)
  let code: string | undefined
  const exit = await runAval(command, project.root, AbortSignal.any([signal, late.signal]), (line) => {
    code ??= refusal.exec(line)?.[1]
    log(line)
  })
  over.abort()
  await timer
  if (exit === 0) return { state: 'done' }
  if (signal.aborted) return { state: 'interrupted', reason: 'the watch ended' }
  const why = late.signal.aborted ? `not done within ${formatDuration(withinMs)}` : (code ?? `exit code ${exit}`)
  return { state: 'failed', reason: `aval ${command.slice(0, 2).join(' ')}: ${why}` }
}

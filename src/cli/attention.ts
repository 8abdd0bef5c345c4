import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AvalError, messageOf } from '../errors.ts'
import { formatDuration } from '../plan/units.ts'
import { archiveTrouble } from '../run/archive-trouble.ts'
import { inPlace } from '../run/keep-server-up.ts'
import { statusOf } from '../run/readiness.ts'
import { developmentDirectory, type RunState, readRunState } from '../run/run-state.ts'
import { primaryDirectory } from '../run/standby.ts'
import { maintenanceWindows } from '../watch/alerts/maintenance.ts'
import { heartbeatName, rulesOf } from '../watch/alerts/rule.ts'
import { untoldOf } from '../watch/alerts/untold.ts'
import { askProbe } from '../watch/scrape/probes/ask.ts'
import type { CommandContext } from './command.ts'
import { currentVerdicts } from './current-verdicts.ts'
import { listed, stateOf } from './incident-text.ts'
import { backupTrouble, newestBackupMs } from './newest-backup.ts'
import { type WatchedSystem, watchRecords } from './watch-records.ts'
import { watchingOf } from './watching.ts'

/** Something of a system that is not well, or that nobody can see. */
export interface Attention {
  about: 'system' | 'service' | 'database' | 'watch' | 'alert' | 'incident' | 'guarantee' | 'backup' | 'message'
  state: 'needs somebody' | 'cannot tell'
  name: string
  says: string
  /** The command that helps further. */
  next: string
}

const needs = (about: Attention['about'], name: string, says: string, next: string): Attention => ({
  about,
  state: 'needs somebody',
  name,
  says,
  next,
})
const unknown = (about: Attention['about'], name: string, says: string, next: string): Attention => ({
  ...needs(about, name, says, next),
  state: 'cannot tell',
})

/** Everything that is not well with a system, what is gravest first. What cannot be read is said and hides nothing else. */
export async function attentionOf(
  watched: WatchedSystem,
  context: CommandContext,
): Promise<{ attention: Attention[]; newestBackupMs: number | undefined }> {
  const { project, system } = watched
  const running = readRunState(project, system.name)
  let newest: number | undefined
  const parts: [Attention['about'], () => Attention[] | Promise<Attention[]>][] = [
    ['system', () => (running === undefined ? [notRunning(system.name)] : [])],
    ['service', () => (running === undefined ? [] : services(watched, running))],
    ['database', () => (running === undefined ? [] : database(watched, running, context))],
    ['alert', () => alerts(watched, context)],
    ['incident', () => incidents(watched, context)],
    ['message', () => messages(watched, context)],
    [
      'backup',
      async () => {
        newest = await newestBackupMs(watched, context)
        return backups(watched, running, newest, context)
      },
    ],
    ['guarantee', () => guarantees(watched, context)],
    ['watch', () => (running === undefined ? [] : watching(watched, context))],
  ]
  const found = await Promise.all(
    parts.map(async ([about, part]) => {
      try {
        return await part()
      } catch (error) {
        const code = error instanceof AvalError ? `${error.code}, ` : ''
        return [unknown(about, system.name, `could not be read: ${code}${messageOf(error)}`, '')]
      }
    }),
  )
  const attention = found.flat().sort((a, b) => Number(a.state === 'cannot tell') - Number(b.state === 'cannot tell'))
  return { attention, newestBackupMs: newest }
}

function notRunning(name: string): Attention {
  return unknown('system', name, 'does not run here', `aval up ${name}`)
}

async function services({ system }: WatchedSystem, { addresses }: RunState): Promise<Attention[]> {
  const asked = Object.entries(system.plan.services).map(async ([name, { ready }]) => {
    const address = addresses[name]
    if (ready === undefined || address === undefined) return []
    const answer = await statusOf(new URL(ready, address).href)
    if (answer === 200) return []
    const says = `${ready} says ${typeof answer === 'number' ? `status ${answer}` : answer}`
    return [needs('service', name, says, `aval probe ${system.name}`)]
  })
  return (await Promise.all(asked)).flat()
}

const databaseTimeoutMs = 5_000

async function database(
  { project, system }: WatchedSystem,
  running: RunState,
  { clock, signal }: CommandContext,
): Promise<Attention[]> {
  if (!system.plan.database) return []
  const world = {
    serviceUrl: () => '',
    databaseUrl: () => running.ownerUrl,
    silentMs: () => undefined,
    authorities: undefined,
    clock,
  }
  const query = { sql: 'SELECT 1', every: databaseTimeoutMs, timeout: databaseTimeoutMs }
  const asked = { ...query, failures: 1, notify: [], requirements: [] }
  const { ok, reason } = await askProbe('database', asked, world, signal)
  signal.throwIfAborted()
  if (ok) return []
  const directory = await primaryDirectory(developmentDirectory(project, system.name))
  return existsSync(join(directory, 'global', 'pg_control'))
    ? [needs('database', system.name, `does not answer: ${reason}`, `aval probe ${system.name}`)]
    : [needs('database', system.name, `has lost its data in ${directory}; end \`aval up\`, then`, inPlace(system.name))]
}

function alerts(watched: WatchedSystem, { clock }: CommandContext): Attention[] {
  const { system } = watched
  const state = watchRecords(watched).alerts()
  if (state === undefined) return []
  const rules = new Map(rulesOf(system.plan).map((rule) => [rule.name, rule]))
  const hush = { silences: [...state.silences.values()], windows: maintenanceWindows(system.plan), rules }
  const found: Attention[] = []
  for (const [name, { instances, unknown: unseen }] of state.rules) {
    // A guarantee is told of as itself, and the heartbeat always fires.
    if (name === heartbeatName || name.startsWith('guarantee:')) continue
    const next = `aval alerts explain ${system.name} ${name}`
    const firing = instances.filter(({ phase }) => phase === 'firing')
    const [first] = firing
    if (first !== undefined) {
      const since = Math.min(...firing.map(({ sinceMs }) => sinceMs))
      const count = firing.length > 1 ? ` ${firing.length} times` : ''
      const rule = rules.get(name)
      const reasons = rule ? firing.map(({ labels }) => untoldOf(rule, labels, hush, clock.now())) : []
      const why = reasons.find((one) => one !== undefined)
      const part = why !== undefined && reasons.includes(undefined) ? 'in part ' : ''
      const says = `fires${count}, ${rule?.severity ?? 'of an earlier plan'}, for ${age(clock.now() - since)}${why === undefined ? '' : `; ${part}${why}`}`
      found.push(needs('alert', name, says, next))
    } else if (unseen !== undefined && unseen.why !== 'inconclusive') {
      found.push(unknown('alert', name, `cannot be judged: ${unseen.says}`, next))
    }
  }
  return found
}

function incidents(watched: WatchedSystem, { clock }: CommandContext): Attention[] {
  const { plan, name } = watched.system
  return watchRecords(watched)
    .incidents()
    .filter(({ closed }) => closed === undefined)
    .map((incident) => {
      const entry = listed(plan, incident, clock.now())
      const says = `${entry.severity}, ${stateOf(entry)}: ${entry.title}`
      const next = `aval incident ${entry.acknowledgedAt === null ? 'ack' : 'close'} ${name} ${entry.number}`
      return needs('incident', String(entry.number), says, next)
    })
}

function messages(watched: WatchedSystem, { clock }: CommandContext): Attention[] {
  const unsent = watchRecords(watched).unsent()
  if (unsent.length === 0) return []
  const system = watched.system.name
  const { process } = watchingOf(watched, clock)
  const rules = new Set(rulesOf(watched.system.plan).map(({ name }) => name))
  const byChannel = Map.groupBy(unsent, ({ channel }) => channel)
  return [...byChannel].map(([channel, entries]) => {
    const oldest = Math.min(...entries.map(({ accepted_ms }) => accepted_ms))
    const reason = entries.findLast((entry) => entry.reason !== null)?.reason
    const many = entries.length === 1 ? '1 message waits' : `${entries.length} messages wait`
    const says = `${many}, for ${age(clock.now() - oldest)}${reason ? `: ${reason}` : ''}`
    const names = entries.flatMap(({ message }) => message.alerts.map(({ alert }) => alert.replace(/^test:/, '')))
    const tried = names.find((name) => rules.has(name))
    const next = process === undefined ? `aval watch ${system}` : tried && `aval alerts test ${system} ${tried}`
    return needs('message', channel, says, next ?? '')
  })
}

async function backups(
  { project, system }: WatchedSystem,
  running: RunState | undefined,
  newestMs: number | undefined,
  { clock }: CommandContext,
): Promise<Attention[]> {
  const late = backupTrouble(system.plan, newestMs, clock.now())
  const behind = await archiveTrouble(project, system.name, clock)
  // Where nothing runs nothing is written either: backups may be old and well.
  const report = running === undefined ? unknown : needs
  return [
    ...(late === undefined ? [] : [report('backup', 'database', late, `aval backup create ${system.name}`)]),
    ...(behind === undefined
      ? []
      : [needs('backup', 'archive', `is behind: ${behind}`, `aval backup list ${system.name}`)]),
  ]
}

async function guarantees({ project, system }: WatchedSystem, context: CommandContext): Promise<Attention[]> {
  const judged = await currentVerdicts(project, system, context)
  return judged
    .filter(({ verdict }) => verdict === 'refuted' || verdict === 'stale')
    .sort((a, b) => Number(a.verdict === 'stale') - Number(b.verdict === 'stale'))
    .map(({ id, verdict }) => needs('guarantee', id, `is ${verdict}`, `aval prove ${system.name} --only ${id}`))
}

function watching(watched: WatchedSystem, { clock }: CommandContext): Attention[] {
  const { isWatched, process, says } = watchingOf(watched, clock)
  // Where a watch runs, as that of `aval up`, another one could not.
  const next = process === undefined ? `aval watch ${watched.system.name}` : ''
  return isWatched ? [] : [unknown('watch', watched.system.name, says, next)]
}

/** About how long: in seconds up to two minutes, then in minutes up to two hours, in hours up to two days, in days. */
export function age(ms: number): string {
  const unit = [86_400_000, 3_600_000, 60_000].find((size) => ms >= 2 * size) ?? 1_000
  return formatDuration(Math.max(1, Math.round(ms / unit)) * unit)
}

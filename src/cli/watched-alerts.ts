import { existsSync } from 'node:fs'
import { nearest } from '../plan/nearest.ts'
import { type AlertState, emptyState } from '../watch/alerts/round.ts'
import { type AlertRule, guaranteeRule, rulesOf } from '../watch/alerts/rule.ts'
import type { SeriesSource } from '../watch/series.ts'
import { readSeriesStore } from '../watch/store/series-store.ts'
import { seriesFile } from '../watch/store/storage.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import { type CommandContext, usage } from './command.ts'
import { currentVerdicts } from './current-verdicts.ts'
import { type WatchedSystem, watchRecords } from './watch-records.ts'

/** Finds the system that a subcommand of `aval alerts` is about. */
export type ChooseSystem = (name: string | undefined, command: string) => Promise<WatchedSystem>

/** Every rule of a system: those of the plan, and one for each guarantee. */
export async function allRules({ project, system }: WatchedSystem, context: CommandContext): Promise<AlertRule[]> {
  const verdicts = await currentVerdicts(project, system, context)
  return [...rulesOf(system.plan), ...verdicts.map(({ id, verdict }) => guaranteeRule(system.plan, id, verdict))]
}

/** What the last round of a watch kept; nothing where none ever ran. */
export function keptState(watched: WatchedSystem): AlertState {
  return watchRecords(watched).alerts() ?? emptyState
}

/** What was measured; without a watch that ever ran there is no series at all. */
export function measured({ project, system }: WatchedSystem): SeriesSource & Disposable {
  const directory = watchDirectory(project, system.name)
  if (!existsSync(seriesFile(directory))) return { select: () => [], [Symbol.dispose]: () => undefined }
  const store = readSeriesStore(directory)
  return { select: store.select, [Symbol.dispose]: () => store.close() }
}

/** A list longer than this is looked up rather than read. */
const mostNamed = 8

/**
 * The rule of a name, guarantees included as `guarantee:<id>`.
 * @param guarantees false where a rule of the plan itself is needed.
 * @throws USAGE with the name that was most likely meant.
 */
export async function ruleNamed(
  watched: WatchedSystem,
  alert: string,
  command: string,
  guarantees: boolean,
  context: CommandContext,
): Promise<AlertRule> {
  const { plan, name } = watched.system
  const ofGuarantee = guarantees && alert.startsWith('guarantee:')
  const rules = ofGuarantee ? await allRules(watched, context) : rulesOf(plan)
  const rule = rules.find((one) => one.name === alert)
  if (rule !== undefined) return rule
  const known = rules.map((one) => one.name)
  if (alert === name)
    throw usage(`alerts ${command}`, `Say which alert of ${name}: aval alerts list ${name} names them.`)
  const near = nearest(alert, known)
  const list =
    known.length > mostNamed ? `aval alerts list ${name} names them` : `there are ${known.join(', ') || 'none'}`
  const help = near === undefined ? `${list}.` : `did you mean ${near}?`
  throw usage(`alerts ${command}`, `There is no alert "${alert}" in the plan of ${name}: ${help}`)
}

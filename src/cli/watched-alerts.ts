import { existsSync } from 'node:fs'
import type { Plan } from '../plan/plan.ts'
import { type AlertState, emptyState } from '../watch/alerts/round.ts'
import { type AlertRule, guaranteeRule, rulesOf } from '../watch/alerts/rule.ts'
import type { SeriesSource } from '../watch/series.ts'
import { readSeriesStore } from '../watch/store/series-store.ts'
import { seriesFile } from '../watch/store/storage.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import type { CommandContext } from './command.ts'
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

/** Names of rules a person may have meant, for a message. */
export function ruleNames(plan: Plan): string {
  return rulesOf(plan)
    .map(({ name }) => name)
    .join(', ')
}

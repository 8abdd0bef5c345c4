import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { matchersText } from '../watch/alerts/silence.ts'
import { type Attention, age, attentionOf } from './attention.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, printJson } from './command.ts'
import { lineWidth, table, wrap } from './layout.ts'
import { type WatchedSystem, watchRecords } from './watch-records.ts'

interface Flags {
  all?: true
  json?: true
}

/** How a system is. */
interface Standing {
  system: string
  state: 'well' | Attention['state']
  /** For whoever reads only one line. */
  sentence: string
  attention: Attention[]
  newestBackup: { at: string; ageMs: number } | null
  /** Those in force; what they cover fires without anybody being told. */
  silences: { id: string; what: string; until: string; by: string; why: string }[]
}

export function registerStatus(program: Command, context: CommandContext): void {
  program
    .command('status')
    .argument('[system]', 'name of the system')
    .option('--all', 'every system of the project')
    .option('--json', 'prints one JSON array, one entry a system')
    .description(
      'Says in a sentence how a system is, then what needs somebody: services down, alerts, incidents, messages nobody got, late backups, guarantees that do not hold.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval status medtime
  aval status --all --json

Exit codes:
  0  all is well
  1  something needs somebody
  2  the command line is wrong
  3  nobody can tell: nothing runs, nobody watches, or something cannot be read`,
    )
    .action(async (name: string | undefined, flags: Flags) => {
      const project = await findProject(context.cwd, context.home)
      const standings: Standing[] = []
      for (const each of chooseSystems(project, name, flags.all === true, 'status')) {
        const system = await loadSystem(project, each)
        const { attention, newestBackupMs } = await attentionOf({ project, system }, context)
        const now = context.clock.now()
        const standing: Standing = {
          system: each,
          ...summed(each, attention),
          attention,
          newestBackup:
            newestBackupMs === undefined ? null : { at: timestamp(newestBackupMs), ageMs: now - newestBackupMs },
          silences: silencesOf({ project, system }, now),
        }
        standings.push(standing)
        if (!flags.json) context.out(told(standing))
      }
      if (standings.some(({ state }) => state === 'needs somebody')) context.exitWith(1)
      else if (standings.some(({ state }) => state === 'cannot tell')) context.exitWith(3)
      if (flags.json) printJson(context, standings)
    })
}

function silencesOf(watched: WatchedSystem, nowMs: number): Standing['silences'] {
  const kept = [...(watchRecords(watched).alerts()?.silences.values() ?? [])]
  return kept
    .filter(({ fromMs, untilMs }) => nowMs >= fromMs && nowMs < untilMs)
    .map(({ id, matchers, untilMs, by, why }) => ({
      id,
      what: matchersText(matchers),
      until: timestamp(untilMs),
      by,
      why,
    }))
}

function summed(name: string, attention: readonly Attention[]): Pick<Standing, 'state' | 'sentence'> {
  const of = (state: Attention['state']) => attention.filter((one) => one.state === state)
  if (of('needs somebody').length > 0)
    return { state: 'needs somebody', sentence: `${name} needs somebody: ${counted(of('needs somebody'))}.` }
  const [first, ...others] = of('cannot tell')
  if (first === undefined)
    return { state: 'well', sentence: `${name} is well: everything answers, nothing fires, nothing is open.` }
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  const what = first.about === 'system' || first.about === 'watch' ? 'it ' : `${first.about} ${first.name} `
  return { state: 'cannot tell', sentence: `Nobody can tell how ${name} is: ${what}${first.says}${more}.` }
}

const nouns: Record<Attention['about'], [one: string, many: string]> = {
  system: ['system', 'systems'],
  service: ['service is down', 'services are down'],
  database: ['database is down', 'databases are down'],
  watch: ['watch', 'watches'],
  alert: ['alert fires', 'alerts fire'],
  incident: ['incident is open', 'incidents are open'],
  guarantee: ['guarantee does not hold', 'guarantees do not hold'],
  backup: ['trouble with backups', 'troubles with backups'],
  message: ['channel is not reached', 'channels are not reached'],
}

function counted(attention: readonly Attention[]): string {
  return [...Map.groupBy(attention, ({ about }) => about)]
    .map(([about, found]) => `${found.length} ${nouns[about][found.length === 1 ? 0 : 1]}`)
    .join(', ')
}

/** More of a kind than these are counted only: a list that nobody reads to its end hides what is below. */
const mostOfAKind: Record<Attention['state'], number> = { 'needs somebody': 8, 'cannot tell': 3 }

function told({ sentence, attention, newestBackup, silences }: Standing): string {
  const shown = [...Map.groupBy(attention, ({ about, state }) => `${state} ${about}`).values()].flatMap((found) => {
    const [first] = found
    const most = first === undefined ? 0 : mostOfAKind[first.state]
    const left = found.length - most
    if (first === undefined || left <= 1) return found
    return [...found.slice(0, most), { ...first, name: `${left} more`, says: 'see --json', next: '' }]
  })
  const lines = shown.length === 0 ? '' : `${table(columns, shown)}\n`
  const backup = newestBackup === null ? '' : `Newest backup: ${age(newestBackup.ageMs)} old.\n`
  const silenced = silences.flatMap(({ id, what, until, by, why }) =>
    wrap(`Silenced until ${until} by ${by}, ${id}: ${what} (${why}).`, lineWidth).map((line) => `${line}\n`),
  )
  return `${sentence}\n${lines}${silenced.join('')}${backup}`
}

const columns = [
  { title: 'what', text: ({ about }: Attention) => about },
  { title: 'state', text: ({ state }: Attention) => state },
  {
    title: 'name and trouble',
    text: ({ name, says, next }: Attention) => `${name} ${says}${next === '' ? '' : `\n  ${next}`}`,
    fills: true as const,
  },
]

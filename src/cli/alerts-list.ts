import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import type { AlertState } from '../watch/alerts/round.ts'
import type { AlertRule } from '../watch/alerts/rule.ts'
import { silenceOf } from '../watch/alerts/silence.ts'
import { type CommandContext, printJson } from './command.ts'
import { lineWidth, table, wrap } from './layout.ts'
import { allRules, type ChooseSystem, keptState } from './watched-alerts.ts'
import { type Watching, watchCommand, watchingOf } from './watching.ts'

interface Listed {
  alert: string
  severity: AlertRule['severity']
  /** `unwatched` where nobody sees whether it holds. */
  state: 'firing' | 'pending' | 'unknown' | 'quiet' | 'unwatched'
  /** When the oldest of what fires or waits began to hold. */
  since: string | null
  /** Until when nobody is told of anything of it; null while somebody would be. */
  silencedUntil: string | null
  channels: readonly string[]
  summary: string
}

export function registerAlertsList(alerts: Command, context: CommandContext, choose: ChooseSystem): void {
  alerts
    .command('list')
    .argument('[system]', 'name of the system')
    .option('--firing', 'only what fires')
    .option('--all', 'also guarantees of which nobody needs to be told')
    .option('--json', 'prints one JSON array of alerts, guarantees among them')
    .description('Lists every alert with its state as the last round of watching left it.')
    .addHelpText(
      'after',
      '\nExample:\n  aval alerts list medtime --firing\n\nExit codes: 0 listed, 2 the command line is wrong, 3 nobody watches: what is listed is what the last watch knew.',
    )
    .action(async (name: string | undefined, flags: { firing?: true; all?: true; json?: true }) => {
      const watched = await choose(name, 'list')
      const state = keptState(watched)
      const watching = watchingOf(watched, context.clock)
      const listed = (await allRules(watched, context))
        .map((rule) => listedOf(rule, state, watching.isWatched, context.clock.now()))
        .filter((one) => !flags.firing || one.state === 'firing')
      if (!watching.isWatched) context.exitWith(3)
      if (flags.json) return printJson(context, listed)
      if (!watching.isWatched) context.out(unwatchedText(watched.system.name, watching))
      else if (listed.length === 0) context.out(flags.firing ? 'Nothing fires.\n' : 'The plan has no alert.\n')
      const shown = flags.all ? listed : listed.filter((one) => !isIdleGuarantee(one))
      if (shown.length > 0) context.out(`${table(columns, shown)}\n`)
      const left = listed.length - shown.length
      if (left > 0) context.out(`${left} guarantees that nobody needs to be told of are not shown; --all lists them.\n`)
    })
}

/** Most plans have more of them than of all else, and the ledger has a command of its own. */
const isIdleGuarantee = ({ alert, state }: Listed) =>
  alert.startsWith('guarantee:') && (state === 'quiet' || state === 'unwatched')

function unwatchedText(system: string, watching: Watching): string {
  const sentence = `Whether anything fires is not known: ${system} ${watching.says}, ${watching.therefore}.`
  const command = watchCommand(system, watching)
  return [...wrap(sentence, lineWidth), ...(command === undefined ? [] : [`  ${command}`]), ''].join('\n')
}

const columns = [
  {
    title: 'state',
    text: ({ state, silencedUntil }: Listed) => (silencedUntil === null ? state : `${state}, silenced`),
  },
  { title: 'severity', text: ({ severity }: Listed) => severity },
  { title: 'told', text: ({ channels }: Listed) => channels.join(', ') || 'nobody' },
  {
    title: 'alert',
    text: ({ alert, summary }: Listed) => (summary === alert ? alert : `${alert}\n  ${summary}`),
    fills: true as const,
  },
]

function listedOf(
  { name, severity, channels, summary }: AlertRule,
  { rules, silences }: AlertState,
  isWatched: boolean,
  nowMs: number,
): Listed {
  const own = rules.get(name)
  const instances = own?.instances ?? []
  const firing = instances.filter(({ phase }) => phase === 'firing')
  const seen = firing.length > 0 ? 'firing' : instances.length > 0 ? 'pending' : own?.unknown ? 'unknown' : 'quiet'
  const since = instances.length === 0 ? null : timestamp(Math.min(...instances.map(({ sinceMs }) => sinceMs)))
  // Without a series that fires, only a silence of all of them counts.
  const series = firing.length > 0 ? firing.map(({ labels }) => labels) : [{}]
  const ends = series.map(
    (labels) => silenceOf(silences.values(), { alert: name, severity, labels }, nowMs)?.untilMs ?? 0,
  )
  const endMs = Math.min(...ends)
  const silencedUntil = endMs > 0 ? timestamp(endMs) : null
  const state = isWatched || seen === 'firing' ? seen : 'unwatched'
  return { alert: name, severity, state, since, silencedUntil, channels, summary }
}

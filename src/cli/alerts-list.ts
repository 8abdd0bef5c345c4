import type { Command } from 'commander'
import { timestamp } from '../clock.ts'
import type { AlertState } from '../watch/alerts/round.ts'
import type { AlertRule } from '../watch/alerts/rule.ts'
import { type CommandContext, printJson } from './command.ts'
import { table } from './layout.ts'
import { allRules, type ChooseSystem, keptState } from './watched-alerts.ts'

interface Listed {
  alert: string
  severity: AlertRule['severity']
  state: 'firing' | 'pending' | 'unknown' | 'quiet'
  /** When the oldest of what fires or waits began to hold. */
  since: string | null
  channels: readonly string[]
  summary: string
}

export function registerAlertsList(alerts: Command, context: CommandContext, choose: ChooseSystem): void {
  alerts
    .command('list')
    .argument('[system]', 'name of the system')
    .option('--firing', 'only what fires')
    .option('--json', 'prints one JSON array of alerts')
    .description('Lists every alert with its state as the last round of watching left it.')
    .addHelpText(
      'after',
      '\nExample:\n  aval alerts list medtime --firing\n\nExit codes: 0 listed, 2 the command line is wrong.',
    )
    .action(async (name: string | undefined, flags: { firing?: true; json?: true }) => {
      const watched = await choose(name, 'list')
      const state = keptState(watched)
      const listed = (await allRules(watched, context))
        .map((rule) => listedOf(rule, state))
        .filter((one) => !flags.firing || one.state === 'firing')
      if (flags.json) return printJson(context, listed)
      if (listed.length === 0) return context.out(flags.firing ? 'Nothing fires.\n' : 'The plan has no alert.\n')
      context.out(`${table(columns, listed)}\n`)
    })
}

const columns = [
  { title: 'state', text: ({ state }: Listed) => state },
  { title: 'severity', text: ({ severity }: Listed) => severity },
  { title: 'told', text: ({ channels }: Listed) => channels.join(', ') || 'nobody' },
  {
    title: 'alert',
    text: ({ alert, summary }: Listed) => (summary === alert ? alert : `${alert}\n  ${summary}`),
    fills: true as const,
  },
]

function listedOf({ name, severity, channels, summary }: AlertRule, { rules }: AlertState): Listed {
  const own = rules.get(name)
  const instances = own?.instances ?? []
  const state = instances.some(({ phase }) => phase === 'firing')
    ? 'firing'
    : instances.length > 0
      ? 'pending'
      : own?.unknown
        ? 'unknown'
        : 'quiet'
  const since = instances.length === 0 ? null : timestamp(Math.min(...instances.map(({ sinceMs }) => sinceMs)))
  return { alert: name, severity, state, since, channels, summary }
}

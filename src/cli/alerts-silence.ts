import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import { timestamp } from '../clock.ts'
import { AvalError } from '../errors.ts'
import type { Plan } from '../plan/plan.ts'
import { parseDuration } from '../plan/units.ts'
import { openAlertStore } from '../watch/alerts/alert-store.ts'
import { covers, expired, isOfRule, matchersText, rolesOf, type Silence } from '../watch/alerts/silence.ts'
import { silenceableOf, silenceProblems } from '../watch/alerts/silence-problems.ts'
import { alertFile, watchDirectory } from '../watch/watch-directory.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { lineWidth, table, wrap } from './layout.ts'
import type { ChooseSystem } from './watched-alerts.ts'

interface Flags {
  match: Silence['matchers']
  for?: number
  by?: string
  why?: string
  end?: string
  json?: true
}

export function registerAlertsSilence(alerts: Command, context: CommandContext, choose: ChooseSystem): void {
  alerts
    .command('silence')
    .argument('[system]', 'name of the system')
    .option(
      '--match <matcher>',
      'alert=NAME, severity=high, or a label of the plan: =, !=, =~, !~; all must hold',
      matcher,
      [],
    )
    .option('--for <duration>', 'how long, at most 30d', howLong)
    .option('--by <role>', 'who silences: a role of the plan, not a name')
    .option('--why <text>', 'why, for whoever wonders: kept as typed, no names of people')
    .option('--end <id>', 'ends a silence now')
    .option('--json', 'prints one JSON array of silences in force')
    .description(
      'Keeps people from being told of some alerts for a while. Without options it lists what is silenced now.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval alerts silence medtime --match alert=api_error_rate_high --for 2h --by 'DevOps team' --why 'new database'
  aval alerts silence medtime

What fires goes on firing, and those who were told of it hear of its end. Nobody else is told, no incident opens and nothing is done by itself:
aval status and aval alerts explain say so while it lasts.
Exit codes: 0 kept, ended or listed; 2 the command line is wrong.`,
    )
    .action(async (name: string | undefined, flags: Flags) => {
      const { project, system } = await choose(name, 'silence').catch((error: unknown) => {
        // What was meant may be an alert, as in the commands beside this one.
        if (!(error instanceof AvalError) || error.code !== 'SYSTEM_NOT_FOUND') throw error
        throw usage('alerts silence', `There is no system "${name}" here. Name an alert as --match alert=${name}.`)
      })
      const now = context.clock.now()
      mkdirSync(watchDirectory(project, system.name), { recursive: true, mode: 0o711 })
      using store = openAlertStore(alertFile(project, system.name))
      const inForce = () => [...store.state().silences.values()].filter(({ untilMs }) => untilMs > now)
      if (flags.end !== undefined) {
        const silence = inForce().find(({ id }) => id === flags.end)
        if (silence === undefined) throw usage('alerts silence', `No silence "${flags.end}" is in force.`)
        store.silence(expired(silence, now))
      } else if (flags.match.length > 0) {
        const { for: lastsMs, by, why } = flags
        if (lastsMs === undefined || by === undefined || why === undefined) {
          const roles = rolesOf(system.plan).join(', ')
          throw usage('alerts silence', `Say --for how long, --by which role (${roles}) and --why.`)
        }
        const id = randomUUID().slice(0, 8)
        const silence = { id, matchers: flags.match, fromMs: now, untilMs: now + lastsMs, by, why }
        const problems = silenceProblems(system.plan, silence)
        if (problems.length > 0) throw usage('alerts silence', problems.join(' '))
        store.silence(silence)
        context.err(`${kept(system.plan, silence)}\n`)
      }
      const listed = inForce()
      if (flags.json) {
        return printJson(
          context,
          listed.map(({ fromMs, untilMs, ...rest }) => ({
            ...rest,
            from: timestamp(fromMs),
            until: timestamp(untilMs),
          })),
        )
      }
      context.out(listed.length === 0 ? 'Nothing is silenced.\n' : `${table(columns, listed)}\n`)
    })
}

/** What is in force now, and what it costs: nothing of it is to come as a surprise. */
function kept(plan: Plan, silence: Silence): string {
  const ofRule = { matchers: silence.matchers.filter(isOfRule) }
  const covered = silenceableOf(plan).filter((one) => covers(ofRule, { ...one, labels: {} }))
  const names = [...new Set(covered.map(({ alert }) => alert))]
  const most = 5
  const more = names.length > most ? ` and ${names.length - most} more` : ''
  const series = silence.matchers.length > ofRule.matchers.length ? ', of the series it names' : ''
  const sentences = [
    `Silenced until ${timestamp(silence.untilMs)}: ${names.slice(0, most).join(', ')}${more}${series}.`,
    'Until then nobody is told, no incident opens and nothing is done by itself; an incident that is open stays so.',
    `What you typed is kept as it is and shown to everybody who looks: roles, no names of people. It ends sooner with --end ${silence.id}.`,
  ]
  return sentences.flatMap((sentence) => wrap(sentence, lineWidth)).join('\n')
}

const columns = [
  { title: 'id', text: ({ id }: Silence) => id },
  { title: 'until', text: ({ untilMs }: Silence) => timestamp(untilMs) },
  {
    title: 'what',
    text: ({ matchers }: Silence) => matchersText(matchers),
  },
  { title: 'by and why', text: ({ by, why }: Silence) => `${by}: ${why}`, fills: true as const },
]

function matcher(text: string, before: Silence['matchers']): Silence['matchers'] {
  const [, label = '', op, value = ''] = /^([A-Za-z_]\w*)(=~|!~|!=|=)(.*)$/s.exec(text) ?? []
  if (op !== '=' && op !== '!=' && op !== '=~' && op !== '!~')
    throw new InvalidArgumentError("It is a label, =, !=, =~ or !~, and a value: 'alert=api_error_rate_high'.")
  return [...before, { label, op, value }]
}

function howLong(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError("It is a duration such as '2h'.")
  return ms
}

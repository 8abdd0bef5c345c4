import type { Command } from 'commander'
import type { Plan } from '../plan/plan.ts'
import { seededRandom } from '../random.ts'
import type { AlertInstance } from '../watch/alerts/notice.ts'
import type { AlertRule } from '../watch/alerts/rule.ts'
import { testName } from '../watch/notify/allow-list.ts'
import { episodeOf } from '../watch/notify/message.ts'
import { channelLimit, type OutboxEntry } from '../watch/notify/outbox.ts'
import { openPager, type Pager } from '../watch/notify/pager.ts'
import { watchDirectory } from '../watch/watch-directory.ts'
import { systemAndId } from './chosen-repository.ts'
import { type CommandContext, printJson, usage } from './command.ts'
import { table } from './layout.ts'
import { type ChooseSystem, ruleNamed } from './watched-alerts.ts'
import { watchingOf } from './watching.ts'

interface Answer {
  channel: string
  reaches: string
  answer: 'delivered' | 'handed over' | 'waits'
  /** Whose variables it was tried with: of a running watch, or of whoever asks. */
  sentBy: 'watch' | 'here'
  /** What went wrong, where it waits; the provider's number of it, where it took it. */
  says: string
}

export function registerAlertsTest(alerts: Command, context: CommandContext, choose: ChooseSystem): void {
  alerts
    .command('test')
    .argument('<system-or-alert>', 'name of the system, where there are several')
    .argument('[alert]', 'name of an alert of the plan, or of a probe as probe:<name>')
    .option('--json', 'prints one JSON array, one entry a channel')
    .description(
      'Sends one notice marked TEST the way the alert would go, says what each channel answered, and sends its end. Nothing is opened, nothing is acted on.',
    )
    .addHelpText(
      'after',
      `
Example:
  aval alerts test medtime api_error_rate_high

While a watch runs, it sends the notice, by the variables it was given; else it goes from here, by those of this shell. What a channel does not take
waits and is tried again by the watch, marked TEST all the same.
Exit codes: 0 every channel took it, 1 one did not, 2 there is no such alert.`,
    )
    .action(async (first: string, second: string | undefined, flags: { json?: true }) => {
      const [name, alert] = systemAndId(first, second)
      const { project, system } = await choose(name, 'test')
      const { plan } = system
      const rule = await ruleNamed({ project, system }, alert, 'test', false, context)
      if (rule.channels.length === 0) throw usage('alerts test', `"${alert}" names no channel: nobody is told.`)
      const directory = watchDirectory(project, system.name)
      const { clock } = context
      const pager = openPager({ directory, plan, clock, random: seededRandom(clock.now()), variables: process.env })
      try {
        const holder = watchingOf({ project, system }, clock).process
        const answers = await sent(pager, plan, rule, holder === undefined ? 'here' : 'watch', context)
        if (answers.some(({ answer }) => answer === 'waits')) context.exitWith(1)
        if (flags.json) return printJson(context, answers)
        context.out(`${table(columns, answers)}\n`)
        context.out(
          holder === undefined
            ? 'Sent from here, by the variables of this shell: nobody watches, and a watch may be given others.\n'
            : `Sent by the watch, process ${holder}, by the variables it was given.\n`,
        )
      } finally {
        pager.close()
      }
    })
}

const columns = [
  { title: 'channel', text: ({ channel }: Answer) => channel },
  { title: 'reaches', text: ({ reaches }: Answer) => reaches },
  {
    title: 'answer',
    text: ({ answer, says }: Answer) => (says === '' ? answer : `${answer}: ${says}`),
    fills: true as const,
  },
]

/** How long an answer is waited for. */
const patienceMs = 20_000

/** @param sentBy where a watch runs it alone sends: what is asked is whether its way works, not that of this shell. */
async function sent(
  pager: Pager,
  plan: Plan,
  rule: AlertRule,
  sentBy: Answer['sentBy'],
  { clock, signal }: CommandContext,
): Promise<Answer[]> {
  const alert: AlertInstance = {
    id: `${testName(rule.name)} ${clock.now()}`,
    alert: testName(rule.name),
    labels: {},
    severity: rule.severity,
    status: 'firing',
    startedAtMs: clock.now(),
    endedAtMs: undefined,
    summary: rule.summary,
    runbook: rule.runbook,
    value: Number.NaN,
  }
  const tell = (instance: AlertInstance) => {
    for (const channel of rule.channels)
      pager.accept({ group: alert.id, channel, alerts: [instance], status: instance.status, atMs: clock.now() })
  }
  const episode = episodeOf(alert)
  const untilMs = clock.now() + patienceMs
  const work = async () => {
    if (sentBy === 'here') await pager.work()
  }
  const attempted = async (which: (entry: OutboxEntry) => boolean) => {
    await work()
    // Another may have taken a message first, and a provider takes only so many at once.
    while (pager.told(episode).some((entry) => which(entry) && isUntried(entry)) && clock.now() < untilMs) {
      await clock.sleep(50, signal)
      await work()
    }
  }
  let entries: OutboxEntry[] = []
  try {
    tell(alert)
    await attempted(() => true)
    entries = pager.told(episode)
  } finally {
    // Whatever came of it: what only tries the way must not go on to whoever is told when nobody answers.
    tell({ ...alert, status: 'resolved', endedAtMs: clock.now() })
    // A watch sends the end by itself.
    if (sentBy === 'here') {
      const heard = new Set(entries.filter(({ state }) => state !== 'waiting').map(({ channel }) => channel))
      await attempted(({ channel }) => heard.has(channel))
    }
  }
  return entries.map(({ channel, state, reason, reference }) => ({
    channel,
    reaches: plan.incidents.channels[channel]?.reaches ?? '',
    answer: state === 'delivered' ? 'delivered' : state === 'handed-over' ? 'handed over' : 'waits',
    sentBy,
    says: reason ?? reference ?? (state === 'waiting' ? 'not tried yet' : ''),
  }))
}

function isUntried({ state, reason }: OutboxEntry): boolean {
  return state === 'waiting' && (reason === null || reason === channelLimit)
}

import { join, relative } from 'node:path'
import type { Command } from 'commander'
import { alertFacts } from '../watch/alerts/alert-facts.ts'
import { type Explanation, explainAlert } from '../watch/alerts/explain.ts'
import { alertSetup } from '../watch/alerts/round.ts'
import { evaluationOver } from '../watch/evaluation.ts'
import { runbookOf } from '../watch/notify/allow-list.ts'
import { systemAndId } from './chosen-repository.ts'
import { type CommandContext, printJson } from './command.ts'
import { lineWidth, wrap } from './layout.ts'
import { type ChooseSystem, keptState, measured, ruleNamed } from './watched-alerts.ts'
import { type Watching, watchCommand, watchingOf } from './watching.ts'

/** As far back as a query looks for the last figure of a series. */
const lookbackMs = 300_000

export function registerAlertsExplain(alerts: Command, context: CommandContext, choose: ChooseSystem): void {
  alerts
    .command('explain')
    .argument('<system-or-alert>', 'name of the system, where there are several')
    .argument('[alert]', 'name of the alert, of a probe as probe:<name>, of a guarantee as guarantee:<id>')
    .option('--json', 'prints one JSON array with one explanation')
    .description('Says why an alert fires, waits, is quiet, cannot be judged, or can never fire; and its figures now.')
    .addHelpText(
      'after',
      `
Example:
  aval alerts explain medtime api_error_rate_high

Exit codes: 0 explained, 1 it can never fire, 2 there is no such alert, 3 it cannot be judged now, or nobody watches.`,
    )
    .action(async (first: string, second: string | undefined, flags: { json?: true }) => {
      const [name, alert] = systemAndId(first, second)
      const watched = await choose(name, 'explain')
      const { plan } = watched.system
      const rule = await ruleNamed(watched, alert, 'explain', true, context)
      using source = measured(watched)
      const count = (
        { metric, matchers }: { metric: string | undefined; matchers: Parameters<typeof source.select>[0] },
        atMs: number,
      ) => {
        const named = metric === undefined ? [] : [{ label: '__name__', op: '=' as const, value: metric }]
        return [...source.select([...named, ...matchers], atMs - lookbackMs, atMs)].length
      }
      const now = context.clock.now()
      const facts = alertFacts(alertSetup(plan), keptState(watched), rule, evaluationOver(source), count, now)
      const { verdict, sentences } = asWatched(
        explainAlert(facts),
        watchingOf(watched, context.clock),
        watched.system.name,
      )
      if (verdict === 'never') context.exitWith(1)
      if (verdict === 'unknown') context.exitWith(3)
      if (flags.json) return printJson(context, [{ alert, verdict, sentences }])
      context.out(`${alert} is ${words[verdict]}.\n`)
      for (const sentence of sentences) context.out(`${wrap(`  ${sentence}`, lineWidth).join('\n')}\n`)
      if (rule.source.kind === 'query') context.out(`  It fires while: ${rule.source.when}\n`)
      const { runbook } = runbookOf(plan, rule.runbook)
      if (runbook !== undefined)
        context.out(
          `  What to do: ${runbook.name}, ${runbook.title} (${relative(watched.project.root, join(watched.system.directory, runbook.file))})\n`,
        )
    })
}

/** What nobody looks at is not quiet: nobody knows. What can never fire can not in any case. */
function asWatched({ verdict, sentences }: Explanation, watching: Watching, system: string): Explanation {
  if (watching.isWatched || verdict === 'never') return { verdict, sentences }
  const command = watchCommand(system, watching)
  const unseen = [
    `${system} ${watching.says}: ${watching.therefore}.`,
    ...(command === undefined ? [] : [`To have it judged: ${command}`]),
  ]
  return { verdict: verdict === 'firing' ? verdict : 'unknown', sentences: [...unseen, ...sentences] }
}

const words = {
  firing: 'firing',
  pending: 'pending',
  quiet: 'quiet',
  unknown: 'not to be judged now',
  never: 'never going to fire',
} as const

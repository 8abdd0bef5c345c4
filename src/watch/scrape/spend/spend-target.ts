import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Clock } from '../../../clock.ts'
import { AvalError } from '../../../errors.ts'
import type { Plan } from '../../../plan/plan.ts'
import type { Budget } from '../../../plan/spend.ts'
import { formatDuration } from '../../../plan/units.ts'
import { runToEnd } from '../../../process.ts'
import { keptReadings } from '../kept-readings.ts'
import { type Reading, reading, type Target } from '../reading.ts'
import { spendFigures } from './figures.ts'
import { readSamples } from './samples.ts'

/** Where the samples of budgets are found. */
export interface SpendWorld {
  /** The folder of the system. */
  directory: string
  /** The environment of Aval: of it a command gets what the plan names, and what finds programs. */
  environment: NodeJS.ProcessEnv
  clock: Clock
}

const mostBytes = 20_000_000
/** Between two readings the figures are told at least so often, since a query forgets after five minutes. */
const retoldMs = 60_000

/** Every budget of the plan as a target. One whose samples cannot be read, or are too old, gives nothing: it cannot be judged. */
export function spendTargets(plan: Plan, world: SpendWorld): Target[] {
  return Object.entries(plan.spend).map(([name, budget]) => {
    const { from, every } = budget
    const withinMs = 'command' in from ? from.within : 5_000
    return {
      job: `spend:${name}`,
      instance: plan.system,
      everyMs: Math.min(every, retoldMs),
      timeoutMs: withinMs + 5_000,
      own: true,
      read: keptReadings(every, world.clock, () => spendReadings(name, budget, world)),
    }
  })
}

/** @throws when there is nothing to judge by; the message repeats nothing of the samples but a date. */
export async function spendReadings(name: string, budget: Budget, world: SpendWorld): Promise<Reading[]> {
  const samples = readSamples(await textOf(budget, world), budget.currency)
  const { month, forecast, day, usualDay, items } = spendFigures(samples, {
    nowMs: world.clock.now(),
    timeZone: budget.timeZone,
    freshForMs: budget.freshFor,
  })
  const labels = { budget: name }
  return [
    reading('aval_spend_month', month, labels),
    ...(forecast === undefined ? [] : [reading('aval_spend_forecast', forecast, labels)]),
    reading('aval_spend_day', day, labels),
    ...(usualDay === undefined ? [] : [reading('aval_spend_usual_day', usualDay, labels)]),
    ...Object.keys(budget.items).map((item) =>
      reading('aval_spend_item_month', items.get(item) ?? 0, { ...labels, item }),
    ),
  ]
}

async function textOf({ from }: Budget, { directory, environment }: SpendWorld): Promise<string> {
  if ('file' in from) {
    const file = resolve(directory, from.file)
    if ((await stat(file)).size > mostBytes) throw new Error('the file is too large')
    return readFile(file, 'utf8')
  }
  const [program = '', ...args] = from.command
  const env = Object.fromEntries(
    ['PATH', 'HOME', 'LANG', ...from.variables].flatMap((name) => {
      const value = environment[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const { code, stdout } = await runToEnd({
    program: program === 'node' ? process.execPath : program,
    args,
    cwd: directory,
    env,
    timeoutMs: from.within,
  }).catch((error: unknown) => {
    // Its own message repeats what the command printed.
    const isLate = error instanceof AvalError && error.code === 'PROCESS_TIMED_OUT'
    throw isLate ? new Error(`the command was not done within ${formatDuration(from.within)}`) : error
  })
  if (code !== 0) throw new Error(`the command ended with exit code ${code}`)
  return stdout
}

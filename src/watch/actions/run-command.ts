import { createInterface } from 'node:readline'
import type { Clock } from '../../clock.ts'
import type { ActionMeans } from '../../plan/actions.ts'
import { formatDuration } from '../../plan/units.ts'
import { startChild } from '../../process.ts'
import type { Labels } from '../series.ts'
import type { Performed } from './actions.ts'
import type { ActionKind } from './runs.ts'

/** What a command of the plan is run for, and where. */
export interface CommandRun {
  means: Pick<ActionMeans, 'command' | 'within' | 'variables'>
  system: string
  /** The folder of the system. */
  directory: string
  action: ActionKind
  about: { alert: string; labels: Labels }
  /** The environment of Aval: of it the command gets what its plan names, and what finds programs. */
  environment: NodeJS.ProcessEnv
  clock: Clock
  /** Ends it before its time. */
  signal: AbortSignal
  /** Every line it prints. */
  told(line: string): void
}

const always = ['PATH', 'HOME', 'LANG']
/** A command that is asked to end gets so long before it is killed. */
const graceMs = 5_000

/**
 * Runs a command that the plan declares for an action, within its time.
 * @throws PROCESS_NOT_FOUND
 */
export async function runCommand(run: CommandRun): Promise<Performed> {
  const { means, directory, clock, signal, told } = run
  const [program = '', ...args] = means.command
  const child = await startChild({
    program: program === 'node' ? process.execPath : program,
    args,
    cwd: directory,
    env: environmentOf(run),
  })
  for (const stream of [child.process.stdout, child.process.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', told)
  }
  const over = new AbortController()
  const late = clock.sleep(means.within, AbortSignal.any([signal, over.signal])).then(
    () => 'late' as const,
    () => 'stopped' as const,
  )
  const first = await Promise.race([child.ended, late])
  over.abort()
  if (first === 'late' || first === 'stopped') {
    await child.stop({ graceMs })
    return first === 'late'
      ? { state: 'failed', reason: `not done within ${formatDuration(means.within)}` }
      : { state: 'interrupted', reason: 'the watch ended' }
  }
  if (first.code === 0) return { state: 'done' }
  return { state: 'failed', reason: `ended with ${first.code === null ? first.signal : `exit code ${first.code}`}` }
}

function environmentOf({ means, system, action, about, environment }: CommandRun): Record<string, string> {
  const labels = Object.entries(about.labels).map(([name, value]) => [`AVAL_LABEL_${name.toUpperCase()}`, value])
  const passed = [...always, ...means.variables].flatMap((name) => {
    const value = environment[name]
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries([
    ...passed,
    ['AVAL_SYSTEM', system],
    ['AVAL_ACTION', action],
    ['AVAL_ALERT', about.alert],
    ...labels,
  ])
}

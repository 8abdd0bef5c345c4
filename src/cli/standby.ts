import type { Command } from 'commander'
import { failure } from '../errors.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { formatBytes } from '../plan/units.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { startServer } from '../postgres/launch.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { readPair } from '../recovery/standby/pair.ts'
import { promoteStandby, requirePair } from '../recovery/standby/promote-standby.ts'
import { describeLoss } from '../recovery/standby/unreceived.ts'
import { recordedErasures } from '../run/archive.ts'
import { lockDirectory } from '../run/owner-lock.ts'
import { pairFile, refuseForeignSuccessor } from '../run/pair-file.ts'
import { finishPlacing } from '../run/place-restored.ts'
import { developmentDirectory, readRunState } from '../run/run-state.ts'
import { serverChoice } from '../run/server-choice.ts'
import { settleLoss } from '../run/standby.ts'
import { giveOrder, type StandbyOrder, type StandbyResult } from '../run/standby-orders.ts'
import { chooseSystem } from './choose-systems.ts'
import { type CommandContext, printJson } from './command.ts'

interface Flags {
  json?: true
  synchronous?: boolean
  force?: true
  planned?: true
  delta?: true
}

export function registerStandby(program: Command, context: CommandContext): void {
  const standby = program
    .command('standby')
    .description('A second server that follows the first, takes its place, and the way back.')
    .addHelpText(
      'after',
      `
Example, by night, when the database does not come back:
  aval standby status medtime
  aval standby promote medtime
  aval standby rejoin medtime

Exit codes: 0 done, 1 it failed or was refused (the reason is told, nothing was changed), 2 the command line is wrong,
3 (status) the standby does not follow, or commits do not wait for it as they should.`,
    )
  const add = (action: StandbyOrder['action'], description: string, example: string) =>
    standby
      .command(action)
      .argument('[system]', 'name of the system')
      .option('--json', 'prints one JSON array')
      .description(description)
      .addHelpText(
        'after',
        `\nExample:\n  ${example}\n\nExit codes: 0 done, 1 failed or refused, 2 the command line is wrong${action === 'status' ? ', 3 it does not follow, or commits do not wait for it as they should' : ''}.`,
      )
      .action((name: string | undefined, flags: Flags) => run(action, name, flags, context))
  add('create', 'Makes a standby of a system that runs; the system goes on meanwhile.', 'aval standby create medtime')
    .option('--synchronous', 'commits wait until the standby has them on disk; as the plan says unless told')
    .option('--no-synchronous', 'commits do not wait')
  add(
    'status',
    'Says whether the standby follows, how far it is behind, and what to do.',
    'aval standby status medtime',
  )
  add(
    'promote',
    'Makes the standby the primary: fences the old one first, points the database address at the new one.',
    'aval standby promote medtime',
  )
    .option('--force', 'also when acknowledged writes are lost by it; the loss is told')
    .option('--planned', 'also when the primary runs: it is shut down first, and nothing is lost')
  add(
    'rejoin',
    'Brings the other server back as the standby; what it had alone is put aside.',
    'aval standby rejoin medtime',
  ).option('--delta', 'copies what differs even where pg_rewind is installed')
}

async function run(
  action: StandbyOrder['action'],
  name: string | undefined,
  flags: Flags,
  context: CommandContext,
): Promise<void> {
  const project = await findProject(context.cwd, context.home)
  const only = chooseSystem(project, name, 'standby')
  const system = await loadSystem(project, only)
  const directory = developmentDirectory(project, only)
  if (action === 'create') {
    const pair = await readPair(pairFile(directory))
    if (pair !== undefined && pair.state !== 'making') throw failure('STANDBY_EXISTS', { directory: pair.standby })
  } else await requirePair(pairFile(directory))
  const { json, ...wanted } = flags
  const running = readRunState(project, only) !== undefined
  const result = running
    ? await giveOrder(
        directory,
        { action, ...wanted },
        { clock: context.clock, signal: context.signal, alive: () => readRunState(project, only) !== undefined },
      )
    : await withoutUp(action, system, project, flags, context)
  if (json) printJson(context, [{ system: only, action, running, ...result }])
  else context.out(describe(action, only, result, running))
  if (action === 'status' && (result['streaming'] === false || typeof result['repair'] === 'string'))
    context.exitWith(3)
}

/** What can be done when nothing runs: looking, and a promotion, which makes the next `up` start the other server. */
async function withoutUp(
  action: StandbyOrder['action'],
  system: System,
  project: Project,
  flags: Flags,
  context: CommandContext,
): Promise<StandbyResult> {
  const { clock } = context
  const directory = developmentDirectory(project, system.name)
  const file = pairFile(directory)
  if (action === 'status') {
    const pair = await requirePair(file)
    return {
      streaming: false,
      state: pair.state,
      generation: pair.generation,
      synchronous: pair.synchronous,
      repair: pair.promotion
        ? 'a promotion was begun: carry it on with `aval standby promote`'
        : 'neither server runs: `aval up` starts both; when the primary cannot be started, `aval standby promote`',
    }
  }
  const plan = system.plan.database
  if (action !== 'promote' || plan === undefined) throw failure('STANDBY_NEEDS_UP', { system: system.name })
  await using ending = new AsyncDisposableStack()
  const lock = lockDirectory(directory, system.name, clock)
  ending.defer(() => lock.release())
  await finishPlacing({ directory, clock })
  const pair = await requirePair(file)
  refuseForeignSuccessor(pair, file)
  const standby = await startServer({
    dataDirectory: pair.standby,
    binaries: await findBinaries(...serverChoice(system, plan, 'development')),
    clock,
    settings: plan.settings,
  })
  ending.defer(() => standby.stop())
  const began = clock.now()
  const done = await promoteStandby({
    pairFile: file,
    clock,
    standby,
    primary: undefined,
    maximumLagMs: system.plan.recovery.standby?.maximumLag ?? 0,
    afterLoss: settleLoss({
      system,
      erasures: recordedErasures(project, system, clock),
      log: (line) => context.err(`${line}\n`),
    }),
    ...(flags.force ? { force: true } : {}),
  })
  const { generation, timeline } = done
  const steps = done.steps.map(({ step, seen, tookMs }) => ({ step, seen, tookMs }))
  return { generation, timeline, tookMs: clock.now() - began, loss: describeLoss(done.loss), steps }
}

function describe(action: StandbyOrder['action'], system: string, result: StandbyResult, running: boolean): string {
  switch (action) {
    case 'create':
      return `${system} has a standby: ${result['files']} files, ${bytes(result['bytes'])}, each checked; it follows.
  ${result['synchronous'] === true ? 'Commits wait until it has them on disk.' : 'Commits do not wait for it: a failover may lose the last ones.'}
Next: \`aval standby status ${system}\`; when the primary is lost, \`aval standby promote ${system}\`.
`
    case 'promote':
      return `${system}: the standby is the primary now, generation ${result['generation']}, timeline ${result['timeline']}, in ${duration(result['tookMs'])}.
  ${result['loss']}
  The old primary is fenced: it will not be started again, by nobody, before it is a standby.
Next: ${running ? `\`aval standby rejoin ${system}\`, since there is one copy only until then` : `\`aval up ${system}\`, which starts the new primary, then \`aval standby rejoin ${system}\``}.
`
    case 'rejoin': {
      const { aside } = result
      const kept =
        typeof aside === 'object' && aside !== null && 'directory' in aside
          ? `\n  ${aside['commits']} transactions it had committed alone are not in the database; their WAL (${aside['from']} to ${aside['to']}) is kept in ${aside['directory']}.`
          : ''
      const how =
        result['method'] === 'rewind'
          ? 'by pg_rewind'
          : `${bytes(result['writtenBytes'])} of ${bytes(result['bytes'])} differed and were copied, every file checked`
      return `${system} has its standby again: ${how}.${kept}\nNext: \`aval standby status ${system}\`.\n`
    }
    case 'status': {
      const lag = result['lagBytes'] === null ? 'unknown' : `${result['lagBytes']} bytes`
      const repair = typeof result['repair'] === 'string' ? `\n  To do: ${result['repair']}.` : ''
      const follows = result['streaming'] === true ? `follows, ${lag} behind` : 'does not follow'
      return `${system}: the standby ${follows}.${repair}\n${running ? sides(result) : ''}`
    }
  }
}

function sides({ primary, standby }: StandbyResult): string {
  const line = (name: string, side: StandbyResult[string] | undefined, keys: readonly string[]) =>
    typeof side === 'object' && side !== null && !Array.isArray(side)
      ? `  ${name.padEnd(8)} ${keys.map((key) => `${key} ${side[key] ?? '-'}`).join(', ')}\n`
      : `  ${name.padEnd(8)} does not answer\n`
  return (
    line('primary', primary, ['written', 'timeline', 'slot', 'syncState']) +
    line('standby', standby, ['received', 'replayed', 'timeline'])
  )
}

function bytes(value: StandbyResult[string] | undefined): string {
  return typeof value === 'number' ? formatBytes(value) : 'all'
}

function duration(value: StandbyResult[string] | undefined): string {
  return typeof value === 'number' ? readableMs(value) : 'no time'
}
